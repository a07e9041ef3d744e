//! Where a server is and who logs in, read from where the operator keeps it. The address goes to the driver and nowhere else:
//! no message, journal or child has it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use url::Url;

use super::Environment;
use crate::bundle::{Login, ServerPlace, TlsUse};
use crate::capability::database::mysql::{Credentials, Place, Server, Tls};
use crate::effect::Fault;

/// The port of MySQL and MariaDB.
const PORT: u16 = 3306;

/// An address is one line.
const LONGEST: u64 = 64 << 10;

/// Reads the address of a database, and that of its smaller account.
pub(super) fn resolve(name: &str, place: &ServerPlace, environment: Environment) -> Result<Server, Fault> {
    let mut server = match &place.login {
        Login::UrlEnv(variable) => {
            let text = environment(variable).ok_or_else(|| {
                Fault::new("address-missing", format!("database {name}: the variable {variable} is not set"))
                    .hint(format!("set {variable} to mysql://user:password@host/schema"))
            })?;
            parse(name, &text, &format!("the variable {variable}"))?
        }
        Login::UrlFile(path) => read_url(name, path)?,
        Login::Socket { socket, user, schema, password_file } => {
            let password = password_file.as_deref().map(|path| read(name, path)).transpose()?.unwrap_or_default();
            Server {
                place: Place::Socket(socket.clone()),
                schema: schema.clone(),
                account: Credentials { user: user.clone(), password },
                stage_account: None,
                tls: Tls::Off,
            }
        }
    };
    if let Some(path) = &place.stage_url_file {
        let stage = read_url(name, path)?;
        if (&stage.place, &stage.schema) != (&server.place, &server.schema) && matches!(server.place, Place::Tcp(..)) {
            let text = format!("database {name}: {} leads to another server or schema", path.display());
            return Err(Fault::new("bad-address", text).hint("the two addresses may differ in user and password only"));
        }
        server.stage_account = Some(stage.account);
    }
    server.tls = match place.tls {
        TlsUse::Preferred => Tls::Preferred,
        TlsUse::Required => Tls::Required(place.tls_ca.clone()),
        TlsUse::Off => Tls::Off,
    };
    Ok(server)
}

fn read_url(name: &str, path: &Path) -> Result<Server, Fault> {
    parse(name, &read(name, path)?, &path.display().to_string())
}

/// The first line of a file that only its owner may read.
fn read(name: &str, path: &Path) -> Result<String, Fault> {
    let failed = |error: &std::io::Error| Fault::io(format_args!("database {name}: {}", path.display()), error);
    let meta = fs::metadata(path).map_err(|error| failed(&error))?;
    if meta.mode() & 0o077 != 0 {
        let text = format!("database {name}: {} holds a password, and others may read it", path.display());
        return Err(Fault::new("address-exposed", text).hint(format!("chmod 600 {}", path.display())));
    }
    if meta.len() > LONGEST {
        return Err(Fault::new("bad-address", format!("database {name}: {} is no address", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// `mysql://user:password@host:port/schema`. No error shows any of it.
fn parse(name: &str, text: &str, from: &str) -> Result<Server, Fault> {
    let wrong = |what: &str| {
        Fault::new("bad-address", format!("database {name}: the address in {from} {what}"))
            .hint("it has the form mysql://user:password@host:3306/schema, with % escapes where needed")
    };
    let url = Url::parse(text).map_err(|_| wrong("cannot be read"))?;
    if !matches!(url.scheme(), "mysql" | "mariadb") {
        return Err(wrong("does not begin with mysql:// or mariadb://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has options: they are keys of [databases.<name>]"));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let decode = |text: &str| unescape(text).ok_or_else(|| wrong("has a % escape that is none"));
    let schema = decode(url.path().trim_start_matches('/'))?;
    if schema.is_empty() || schema.contains('/') {
        return Err(wrong("names no schema"));
    }
    let user = decode(url.username())?;
    if user.is_empty() {
        return Err(wrong("names no user"));
    }
    let password = decode(url.password().unwrap_or_default())?;
    Ok(Server {
        place: Place::Tcp(host, url.port().unwrap_or(PORT)),
        schema,
        account: Credentials { user, password },
        stage_account: None,
        tls: Tls::Preferred,
    })
}

/// Text with `%41` for bytes.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        if *first == b'%' {
            let (hex, behind) = behind.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_set(_: &str) -> Option<String> {
        None
    }

    fn set(variable: &str) -> Option<String> {
        (variable == "MAIN").then(|| "mysql://us%40er:s%2Fecret@db.example:3307/sho%70".to_owned())
    }

    fn place(login: Login) -> ServerPlace {
        ServerPlace { login, stage_url_file: None, tls: TlsUse::Preferred, tls_ca: None }
    }

    #[test]
    fn a_wrong_address_is_named_by_its_place_and_never_shown() {
        for text in [
            "",
            "secret",
            "postgres://u:secret@h/s",
            "mysql://u:secret@h",
            "mysql://u:secret@h/",
            "mysql://:secret@h/s",
            "mysql://u:secret@h/s?tls=off",
            "mysql://u:secret@h/s/t",
            "mysql://u:se%zzcret@h/s",
            "mysql:///s",
        ] {
            let fault = parse("main", text, "the variable X").unwrap_err();
            assert_eq!(fault.code, "bad-address", "{text}");
            assert!(fault.message.contains("the variable X") && !fault.message.contains("secret"), "{fault:?}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let fault = resolve("main", &place(Login::UrlEnv("MAIN".into())), nothing_set).unwrap_err();
        assert_eq!((fault.code, fault.hint.is_some()), ("address-missing", true));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("url");
        fs::write(&path, "mysql://u:secret@h/s\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = resolve("main", &place(Login::UrlFile(path.clone())), nothing_set).unwrap_err();
        assert_eq!(refused.code, "address-exposed");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(resolve("main", &place(Login::UrlFile(path)), nothing_set).unwrap().account.user, "u");
    }

    #[test]
    fn an_address_is_read_and_shown_without_its_password() {
        let server = resolve("main", &place(Login::UrlEnv("MAIN".into())), set).unwrap();
        assert_eq!(server.account, Credentials { user: "us@er".into(), password: "s/ecret".into() });
        assert_eq!((server.place.clone(), server.schema.as_str()), (Place::Tcp("db.example".into(), 3307), "shop"));
        assert!(!format!("{server:?} {:?}", server.account).contains("ecret"));
    }
}
