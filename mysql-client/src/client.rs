//! A session: one question after the other, and its answer.

use std::io;
use std::sync::Arc;

use mysql_common::constants::{CapabilityFlags, Command, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::Column;
use mysql_common::params::Params;
use mysql_common::row::{Row, new_row};
use mysql_common::value::Value;

use crate::error::{Error, Malformed, ServerError};
use crate::login::log_in;
use crate::options::Options;
use crate::packets::{Packets, Watch};
use crate::parse::Parse;
use crate::row::{BinaryRow, TextRow};
use crate::socket::Socket;
use crate::statement::Statements;

/// A packet from this length on is no end of rows, whatever its first byte.
const NO_END: usize = 0xff_ff_ff;

/// What a statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows.
    pub affected: u64,
    /// The id that the last INSERT made.
    pub last_id: Option<u64>,
    /// Warnings, which SHOW WARNINGS tells.
    pub warnings: u16,
}

/// The beginning of an answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Of the rows that follow. Empty: there are none.
    pub columns: Arc<[Column]>,
    /// What the statement did, if no rows follow.
    pub done: Done,
}

/// A session. Dropped: it says goodbye.
pub struct Client {
    packets: Packets,
    id: u32,
    capabilities: CapabilityFlags,
    status: StatusFlags,
    pub(crate) statements: Statements,
    /// Whether rows of the last answer are still to come.
    reading: bool,
    /// Whether anything may be asked.
    open: bool,
    /// `max_allowed_packet` of the server.
    longest: usize,
}

impl Client {
    /// Connects, logs in and runs the first statements. `watch` stays: see [`Client::watch`].
    ///
    /// # Errors
    /// [`Error::Server`] if the server refuses the account, the schema or a statement.
    pub fn connect(options: &Options, watch: Option<Watch>) -> Result<Self, Error> {
        Self::over(Socket::connect(&options.place)?, options, watch)
    }

    /// The same over a socket that is connected already.
    pub(crate) fn over(socket: Socket, options: &Options, watch: Option<Watch>) -> Result<Self, Error> {
        let mut packets = Packets::new(socket, watch);
        let session = log_in(&mut packets, options)?;
        let mut client = Self {
            packets,
            id: session.id,
            capabilities: session.capabilities,
            status: session.status,
            statements: Statements::new(),
            reading: false,
            open: true,
            longest: usize::MAX,
        };
        let longest = client.rows("SELECT @@max_allowed_packet")?;
        client.longest = longest.first().and_then(|row| row.get_opt(0)?.ok()).unwrap_or(usize::MAX);
        for statement in &options.first {
            client.run(statement)?;
        }
        Ok(client)
    }

    /// The server's number for this session.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the server said, with its last answer that was no error, that a transaction is open.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.status.contains(StatusFlags::SERVER_STATUS_IN_TRANS)
    }

    /// Who is asked, while the server lets us wait, whether to go on. Returns who was before.
    pub fn watch(&mut self, watch: Option<Watch>) -> Option<Watch> {
        self.packets.watch(watch)
    }

    /// Asks by text. Its rows, if it has any, are [`TextRow`]s.
    ///
    /// # Errors
    /// The server's, or that there is no connection.
    pub fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<Reply, Error> {
        self.ask(|client| {
            client.command(Command::COM_QUERY, &[sql.as_ref()])?;
            client.reply()
        })
    }

    /// Runs a statement, and leaves out its rows, if it has any.
    ///
    /// # Errors
    /// Those of [`Client::query`] and [`Client::row`].
    pub fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<Done, Error> {
        let done = self.query(sql)?.done;
        self.finish()?;
        Ok(done)
    }

    /// Asks by a prepared statement, which is kept for the next time. Its rows, if it has any, are [`BinaryRow`]s.
    ///
    /// # Errors
    /// The server's, or that there is no connection.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<Reply, Error> {
        self.ask(|client| {
            let prepared = client.prepare(sql)?;
            client.send_execute(prepared, params)?;
            client.reply()
        })
    }

    /// Runs a `LOAD DATA LOCAL INFILE` whose file is what `next` gives, piece by piece. The name in the statement is none.
    ///
    /// # Errors
    /// Those of `next`, behind which the connection is closed, so that the server takes back what it has got; and those of a
    /// query.
    pub fn load(&mut self, sql: &str, mut next: impl FnMut() -> io::Result<Option<Vec<u8>>>) -> Result<Done, Error> {
        self.ask(|client| {
            client.command(Command::COM_QUERY, &[sql.as_bytes()])?;
            if client.answer()?.first() != Some(&FILE) {
                return Err(Malformed("it does not ask for the file of a LOAD DATA").into());
            }
            loop {
                match next()? {
                    Some(piece) if piece.is_empty() => {}
                    Some(piece) => client.packets.send(&[&piece])?,
                    None => break,
                }
            }
            client.packets.send(&[])?;
            Ok(client.reply()?.done)
        })
    }

    /// The next row of the last answer: its packet. None: there are no more of them.
    ///
    /// # Errors
    /// The server's in the middle of its rows, or that the connection broke.
    #[inline]
    pub fn row(&mut self) -> Result<Option<&[u8]>, Error> {
        if !self.reading {
            return Ok(None);
        }
        let next = self.next_row();
        match next {
            Ok(true) => Ok(Some(self.packets.packet())),
            Ok(false) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Leaves out the rest of the last answer: its rows, and what else a procedure answers.
    ///
    /// # Errors
    /// Those of [`Client::row`].
    pub fn finish(&mut self) -> Result<(), Error> {
        loop {
            while self.row()?.is_some() {}
            if !self.status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) || !self.open {
                return Ok(());
            }
            self.status.remove(StatusFlags::SERVER_MORE_RESULTS_EXISTS);
            self.reply().map_err(|error| self.failed(error))?;
        }
    }

    /// All rows of a question by text, with memory of their own. For answers that are small.
    ///
    /// # Errors
    /// Those of [`Client::query`] and [`Client::row`].
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let columns = self.query(sql)?.columns;
        self.collect(&columns, |packet| {
            let value = |text: Option<&[u8]>| text.map_or(Value::NULL, |text| Value::Bytes(text.to_vec()));
            TextRow::new(packet).map(|text| text.map(value)).collect()
        })
    }

    /// The same by a prepared statement.
    ///
    /// # Errors
    /// Those of [`Client::execute`] and [`Client::row`].
    pub fn rows_of(&mut self, sql: &str, params: impl Into<Params>) -> Result<Vec<Row>, Error> {
        let params = match params.into() {
            Params::Positional(params) => params,
            _ => Vec::new(),
        };
        let columns = self.execute(sql, &params)?.columns;
        self.collect(&columns, |packet| {
            let mut row = BinaryRow::new(packet, columns.len())?;
            columns.iter().map(|column| Ok(row.next(column.column_type(), is_unsigned(column))?.to_value())).collect()
        })
    }

    fn collect(
        &mut self,
        columns: &Arc<[Column]>,
        values: impl Fn(&[u8]) -> Result<Vec<Value>, Malformed>,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        while let Some(packet) = self.row()? {
            let values = values(packet).and_then(|values| match values.len() == columns.len() {
                true => Ok(new_row(values, Arc::clone(columns))),
                false => Err(Malformed("a row has not its columns")),
            });
            rows.push(values.map_err(|error| self.failed(error.into()))?);
        }
        self.finish()?;
        Ok(rows)
    }

    /// A new question, behind all that is left of the answer to the last one.
    fn ask<T>(&mut self, question: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if !self.open {
            return Err(Error::Closed);
        }
        self.finish()?;
        question(self).map_err(|error| self.failed(error))
    }

    /// Sends a command.
    pub(crate) fn command(&mut self, command: Command, body: &[&[u8]]) -> Result<(), Error> {
        let length = body.iter().map(|part| part.len()).sum::<usize>() + 1;
        self.check_length(length)?;
        let command = [command as u8];
        let parts: Vec<&[u8]> = [&command[..]].into_iter().chain(body.iter().copied()).collect();
        Ok(self.packets.command(&parts)?)
    }

    /// The same of one that is written already.
    pub(crate) fn send_command(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_length(bytes.len())?;
        Ok(self.packets.command(&[bytes])?)
    }

    /// A server breaks the connection at what is longer.
    fn check_length(&self, length: usize) -> Result<(), Error> {
        if length > self.longest { Err(Error::TooLong(length)) } else { Ok(()) }
    }

    /// The next packet, if it is no error.
    pub(crate) fn answer(&mut self) -> Result<&[u8], Error> {
        self.packets.advance()?;
        match self.packets.packet() {
            packet @ [0xff, ..] => Err(server_error(packet)?.into()),
            [] => Err(Malformed("a packet is empty").into()),
            packet => Ok(packet),
        }
    }

    /// What is answered first.
    fn reply(&mut self) -> Result<Reply, Error> {
        let packet = self.answer()?;
        match packet[0] {
            0 => {
                let (done, status) = ok(packet)?;
                self.status = status;
                Ok(Reply { columns: Arc::default(), done })
            }
            // A server that wants a file without having been told to load one.
            FILE => Err(Malformed("it asks for a file").into()),
            _ => {
                let count = Parse(packet).integer()?;
                let count = usize::try_from(count).ok().filter(|count| *count <= MOST_COLUMNS);
                let columns = self.columns(count.ok_or(Malformed("so many columns has no row"))?)?;
                self.reading = true;
                Ok(Reply { columns, done: Done::default() })
            }
        }
    }

    /// Descriptions of columns or parameters.
    pub(crate) fn columns(&mut self, count: usize) -> Result<Arc<[Column]>, Error> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let column = ParseBuf(self.answer()?).parse(());
            columns.push(column.map_err(|_| Malformed("a column is none that there is"))?);
        }
        if !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            self.answer()?;
        }
        Ok(columns.into())
    }

    /// Whether there is another row: it is the packet then.
    #[inline]
    fn next_row(&mut self) -> Result<bool, Error> {
        self.packets.advance()?;
        let packet = self.packets.packet();
        match packet.first() {
            Some(0xff) => {
                self.reading = false;
                Err(server_error(packet)?.into())
            }
            Some(0xfe) if packet.len() < NO_END => {
                self.reading = false;
                self.status = self.end(packet)?;
                Ok(false)
            }
            Some(_) => Ok(true),
            None => Err(Malformed("a row is empty").into()),
        }
    }

    /// What is said at the end of rows.
    fn end(&self, packet: &[u8]) -> Result<StatusFlags, Malformed> {
        if self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            return Ok(ok(packet)?.1);
        }
        let mut packet = Parse(packet);
        packet.bytes(3)?;
        Ok(StatusFlags::from_bits_truncate(packet.u16()?))
    }

    /// Whether there will be another answer.
    fn failed(&mut self, error: Error) -> Error {
        self.reading &= error.leaves_connection();
        if matches!(error, Error::Server(_)) {
            self.reading = false;
            self.status = StatusFlags::empty();
        }
        if !error.leaves_connection() {
            self.open = false;
            self.packets.socket.close();
        }
        error
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.open && !self.reading {
            // A closed socket says the same.
            let _ = self.packets.command(&[&[Command::COM_QUIT as u8]]);
        }
        self.packets.socket.close();
    }
}

/// An answer that asks for a file.
const FILE: u8 = 0xfb;

/// No server has tables or results with more.
const MOST_COLUMNS: usize = 4096;

fn is_unsigned(column: &Column) -> bool {
    column.flags().contains(crate::ColumnFlags::UNSIGNED_FLAG)
}

/// The packet that says that something is done.
pub(crate) fn ok(packet: &[u8]) -> Result<(Done, StatusFlags), Malformed> {
    let mut packet = Parse(packet);
    packet.u8()?;
    let (affected, last_id) = (packet.integer()?, packet.integer()?);
    let status = StatusFlags::from_bits_truncate(packet.u16()?);
    let done = Done { affected, last_id: (last_id != 0).then_some(last_id), warnings: packet.u16()? };
    Ok((done, status))
}

/// The packet that says that something is not done.
pub(crate) fn server_error(packet: &[u8]) -> Result<ServerError, Malformed> {
    let mut packet = Parse(packet);
    packet.u8()?;
    error_before_login(packet)
}

/// The same behind its first byte. Before a server knows us it leaves SQLSTATE out.
pub(crate) fn error_before_login(mut packet: Parse<'_>) -> Result<ServerError, Malformed> {
    let code = packet.u16()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let state = match packet.0 {
        [b'#', ..] => text(&packet.bytes(6)?[1..]),
        _ => "HY000".to_owned(),
    };
    Ok(ServerError { code, state, message: text(packet.0) })
}
