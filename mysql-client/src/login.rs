//! From an open socket to a session: greeting, encryption, password.

use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::packets::{AuthPlugin, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;

use crate::error::{Error, Malformed};
use crate::options::{Options, Place, Tls};
use crate::packets::Packets;
use crate::parse::Parse;
use crate::{client, tls};

/// What we can, where the server can it too.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_LOCAL_FILES)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// The longest packet we say that we take: the server takes it for a limit of what it sends.
const LONGEST: u32 = 1 << 30;

/// UTF8MB4_GENERAL_CI, which all servers know.
const COLLATION: u8 = 45;

/// Bytes of what a password is scrambled with.
const NONCE: usize = 20;

/// A session.
pub(crate) struct Session {
    pub(crate) id: u32,
    pub(crate) capabilities: CapabilityFlags,
    pub(crate) status: StatusFlags,
}

/// What a server says first.
struct Greeting {
    id: u32,
    capabilities: CapabilityFlags,
    plugin: Vec<u8>,
    nonce: Vec<u8>,
}

/// Logs in.
pub(crate) fn log_in(packets: &mut Packets, options: &Options) -> Result<Session, Error> {
    packets.advance()?;
    let greeting = greeting(packets.packet())?;
    let mut capabilities = greeting.capabilities & CAPABILITIES;
    if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_PLUGIN_AUTH) {
        return Err(Error::Login("the server is older than any that this program knows".to_owned()));
    }
    if let Place::Tcp(host, _) = &options.place
        && options.tls != Tls::Off
    {
        if greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL) {
            capabilities |= CapabilityFlags::CLIENT_SSL;
            send(packets, &SslRequest::new(capabilities, LONGEST, COLLATION))?;
            packets.socket.encrypt(tls::connection(&options.tls, host)?);
        } else if options.tls != Tls::Preferred {
            return Err(Error::NoTls);
        }
    }
    let plugin = match AuthPlugin::from_bytes(&greeting.plugin) {
        // Others are told by a switch, if at all.
        plugin @ AuthPlugin::CachingSha2Password => plugin,
        _ => AuthPlugin::MysqlNativePassword,
    };
    let scrambled = plugin.gen_data(Some(&options.password), &greeting.nonce);
    let answer = HandshakeResponse::new(
        scrambled.as_deref(),
        (5, 5, 3),
        Some(options.user.as_bytes()),
        Some(options.schema.as_bytes()),
        Some(plugin.borrow()),
        capabilities,
        None,
        LONGEST,
    );
    send(packets, &answer)?;
    let status = Login { packets, options, nonce: greeting.nonce, switched: false }.finish()?;
    Ok(Session { id: greeting.id, capabilities, status })
}

/// The server is not sure yet who we are.
struct Login<'a> {
    packets: &'a mut Packets,
    options: &'a Options,
    nonce: Vec<u8>,
    switched: bool,
}

impl Login<'_> {
    fn finish(mut self) -> Result<StatusFlags, Error> {
        loop {
            self.packets.advance()?;
            let packet = self.packets.packet();
            match packet {
                [0, ..] => return Ok(client::ok(packet)?.1),
                [0xff, ..] => return Err(client::server_error(packet)?.into()),
                [0xfe, request @ ..] if !self.switched => {
                    let request = request.to_vec();
                    self.switch(&request)?;
                }
                // `caching_sha2_password`: the server knows the password and has compared it.
                [1, 3] => {}
                // It does not know it yet, and wants it itself.
                [1, 4] => self.tell()?,
                _ => return Err(Malformed("what it says to a login").into()),
            }
        }
    }

    /// Another way to say the password.
    fn switch(&mut self, request: &[u8]) -> Result<(), Error> {
        self.switched = true;
        let mut request = Parse(request);
        let name = request.until_zero();
        self.nonce = request.0.strip_suffix(&[0]).unwrap_or(request.0).to_vec();
        let plugin = AuthPlugin::from_bytes(name);
        if !matches!(plugin, AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password | AuthPlugin::Ed25519) {
            let name = String::from_utf8_lossy(name);
            return Err(Error::Login(format!("the server wants the password by {name:?}, which is not known here")));
        }
        let scrambled = plugin.gen_data(Some(&self.options.password), &self.nonce);
        Ok(self.packets.send(&[scrambled.as_deref().unwrap_or_default()])?)
    }

    /// The password itself, where nobody can listen. (Encrypted with a key that whoever answers has sent, it would be as good as
    /// told.)
    fn tell(&mut self) -> Result<(), Error> {
        if !self.packets.socket.is_private() {
            let text = "the server wants the password over an encrypted connection: `tls` must not be off";
            return Err(Error::Login(text.to_owned()));
        }
        Ok(self.packets.send(&[self.options.password.as_bytes(), &[0]])?)
    }
}

fn send(packets: &mut Packets, what: &impl MySerialize) -> Result<(), Error> {
    let mut bytes = Vec::new();
    what.serialize(&mut bytes);
    Ok(packets.send(&[&bytes])?)
}

fn greeting(packet: &[u8]) -> Result<Greeting, Error> {
    let mut packet = Parse(packet);
    match packet.u8()? {
        // Version 10 since MySQL 3.21.
        10 => {}
        0xff => return Err(client::error_before_login(packet)?.into()),
        _ => return Err(Malformed("its greeting").into()),
    }
    packet.until_zero();
    let id = packet.u32()?;
    let mut nonce = packet.bytes(8)?.to_vec();
    packet.u8()?;
    let low = packet.u16()?;
    packet.bytes(3)?;
    let high = packet.u16()?;
    let capabilities = CapabilityFlags::from_bits_truncate(u32::from(low) | u32::from(high) << 16);
    let length = packet.u8()?;
    packet.bytes(10)?;
    let rest = usize::from(length).saturating_sub(nonce.len()).max(13);
    nonce.extend_from_slice(packet.bytes(rest)?);
    // With a zero behind it.
    nonce.resize(NONCE, 0);
    Ok(Greeting { id, capabilities, plugin: packet.until_zero().to_vec(), nonce })
}
