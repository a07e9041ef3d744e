//! Statements that the server has prepared.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use mysql_common::constants::Command;
use mysql_common::packets::{ComStmtExecuteRequestBuilder, ComStmtSendLongData};
use mysql_common::proto::MySerialize;
use mysql_common::value::Value;

use crate::client::Client;
use crate::error::Error;
use crate::parse::Parse;

/// How many a connection keeps prepared.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("it is not zero");

/// The longest part of a value that goes before its statement.
const PART: usize = 8 << 20;

/// A statement that the server knows by a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    id: u32,
    params: u16,
}

/// Those that were used last.
pub(crate) struct Statements(LruCache<Arc<str>, Prepared>);

impl Statements {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(KEPT))
    }
}

impl Client {
    /// The statement, prepared now or before.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<Prepared, Error> {
        if let Some(known) = self.statements.0.get(sql) {
            return Ok(*known);
        }
        self.command(Command::COM_STMT_PREPARE, &[sql.as_bytes()])?;
        let mut packet = Parse(self.answer()?);
        packet.u8()?;
        let (id, columns, params) = (packet.u32()?, packet.u16()?, packet.u16()?);
        for described in [params, columns] {
            if described > 0 {
                self.columns(described.into())?;
            }
        }
        let prepared = Prepared { id, params };
        if let Some((_, old)) = self.statements.0.push(sql.into(), prepared) {
            // The server does not answer.
            self.command(Command::COM_STMT_CLOSE, &[&old.id.to_le_bytes()])?;
        }
        Ok(prepared)
    }

    /// Has it run. The answer is still to be read.
    pub(crate) fn send_execute(&mut self, prepared: Prepared, params: &[Value]) -> Result<(), Error> {
        let wanted = usize::from(prepared.params);
        if wanted != params.len() {
            return Err(Error::Parameters { wanted, given: params.len() });
        }
        let (request, long) = ComStmtExecuteRequestBuilder::new(prepared.id).build(params);
        if long {
            self.send_long(prepared, params)?;
        }
        let mut bytes = Vec::new();
        request.serialize(&mut bytes);
        self.send_command(&bytes)
    }

    /// Values that do not fit into one packet together with all others.
    fn send_long(&mut self, prepared: Prepared, params: &[Value]) -> Result<(), Error> {
        for (index, value) in (0_u16..).zip(params) {
            let Value::Bytes(value) = value else { continue };
            let empty: &[u8] = &[];
            for part in value.chunks(PART).chain(value.is_empty().then_some(empty)) {
                let mut bytes = Vec::new();
                ComStmtSendLongData::new(prepared.id, index, part).serialize(&mut bytes);
                self.send_command(&bytes)?;
            }
        }
        Ok(())
    }
}
