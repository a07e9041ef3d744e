//! Logins at a real server: who is let in, what is encrypted, and what is never said to whom.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use liftlock_tests::mariadb::Options;
use liftlock_tests::numbers;
use liftlock_tests::proxy::Proxy;
use mysql_client::{Client, Error, Options as Login, Params, Place, Tls};

/// An authority, and a certificate of it for "localhost" with its key. They are for these tests, and valid until 2126.
fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls").join(name)
}

/// Accounts with a password each; one may log in encrypted only, one has none, one logs in by ed25519.
const ACCOUNTS: &str = "INSTALL SONAME 'auth_ed25519';
    CREATE USER native@localhost IDENTIFIED BY 'it''s secret';
    CREATE USER wary@localhost IDENTIFIED BY 'secret' REQUIRE SSL;
    CREATE USER open@localhost;
    CREATE USER modern@localhost IDENTIFIED VIA ed25519 USING PASSWORD('secret')";

fn is_encrypted(client: &mut Client) -> Result<bool> {
    let rows = client.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")?;
    Ok(rows.first().and_then(|row| row.get_opt::<String, _>(1)?.ok()).is_some_and(|cipher| !cipher.is_empty()))
}

fn at(host: &str, port: u16, user: &str, password: &str) -> Login {
    Login::new(Place::Tcp(host.to_owned(), port), "mysql", user, password)
}

/// Whether somebody is let in, and how.
fn try_login(login: &Login) -> Result<bool, Error> {
    let mut client = Client::connect(login, None)?;
    Ok(is_encrypted(&mut client).expect("who is let in may ask"))
}

#[test]
fn everybody_is_let_in_by_his_own_password_only() -> Result<()> {
    let server = Options::new().start()?;
    server.run(ACCOUNTS)?;
    server.run("GRANT SELECT ON mysql.* TO native@localhost, open@localhost, modern@localhost")?;
    let proxy = Proxy::start(server.socket())?;
    let (mut allowed, mut refused) = (0, 0);
    for (user, password) in [("native", "it's secret"), ("open", ""), ("modern", "secret")] {
        for place in [Place::Socket(server.socket().to_owned()), Place::Tcp("127.0.0.1".to_owned(), proxy.port())] {
            for said in [password, "wrong", "", "secret "] {
                let answer = try_login(&Login::new(place.clone(), "mysql", user, said));
                match answer {
                    Ok(_) if said == password => allowed += 1,
                    Err(Error::Server(error)) if error.code == 1045 && said != password => refused += 1,
                    answer => bail!("{user} {said:?}: {answer:?}"),
                }
            }
        }
    }
    let nobody = try_login(&Login::new(Place::Socket(server.socket().to_owned()), "nowhere", "native", "it's secret"));
    ensure!(matches!(&nobody, Err(Error::Server(error)) if error.code == 1044), "{nobody:?}");
    numbers(format_args!("allowed={allowed} refused={refused}"));
    Ok(())
}

#[test]
fn what_must_be_encrypted_is_and_only_with_whom_the_operator_means() -> Result<()> {
    let plain = Options::new().argument("--skip-ssl").start()?;
    let argument = |name: &str, file: &str| format!("--{name}={}", certificate(file).display());
    let server = Options::new()
        .argument(argument("ssl-ca", "ca.pem"))
        .argument(argument("ssl-cert", "server.pem"))
        .argument(argument("ssl-key", "server.key"))
        .start()?;
    for server in [&plain, &server] {
        server.run(ACCOUNTS)?;
        server.run("GRANT SELECT ON mysql.* TO native@localhost, wary@localhost, modern@localhost")?;
    }
    let (clear, secure) = (Proxy::start(plain.socket())?, Proxy::start(server.socket())?);
    let ours = || Tls::Required(Some(certificate("ca.pem")));
    // A certificate that has vouched for nobody but itself.
    let stranger = || Tls::Required(Some(certificate("server.pem")));
    let native = |host: &str, port, tls| try_login(&at(host, port, "native", "it's secret").tls(tls));

    ensure!(!native("localhost", clear.port(), Tls::Preferred)?);
    ensure!(!native("localhost", clear.port(), Tls::Off)?);
    ensure!(native("localhost", secure.port(), Tls::Preferred)?);
    ensure!(!native("localhost", secure.port(), Tls::Off)?);
    ensure!(native("localhost", secure.port(), ours())?);
    ensure!(try_login(&at("localhost", secure.port(), "modern", "secret").tls(ours()))?);
    ensure!(try_login(&at("localhost", secure.port(), "wary", "secret"))?);

    let refused = [
        native("localhost", clear.port(), ours()),
        native("127.0.0.1", secure.port(), ours()),
        native("localhost", secure.port(), stranger()),
        native("localhost", secure.port(), Tls::Required(None)),
        native("localhost", secure.port(), Tls::Required(Some(certificate("server.key")))),
        native("localhost", secure.port(), Tls::Required(Some("/nowhere/ca.pem".into()))),
    ];
    for (index, answer) in refused.iter().enumerate() {
        ensure!(matches!(answer, Err(Error::NoTls | Error::Tls(_) | Error::Io(_))), "{index}: {answer:?}");
    }
    let wary = try_login(&at("localhost", secure.port(), "wary", "secret").tls(Tls::Off));
    ensure!(matches!(&wary, Err(Error::Server(error)) if error.code == 1045), "{wary:?}");
    numbers(format_args!("encrypted=4 clear=3 refused={}", refused.len() + 1));
    Ok(())
}

/// More than a packet holds, in both directions, in the clear and encrypted.
#[test]
fn long_statements_and_rows_arrive_whole() -> Result<()> {
    let argument = |name: &str, file: &str| format!("--{name}={}", certificate(file).display());
    let server = Options::new()
        .argument("--max-allowed-packet=128M")
        .argument(argument("ssl-cert", "server.pem"))
        .argument(argument("ssl-key", "server.key"))
        .start()?;
    let proxy = Proxy::start(server.socket())?;
    let places =
        [(Place::Socket(server.socket().to_owned()), false), (Place::Tcp("localhost".to_owned(), proxy.port()), true)];
    let mut bytes = 0;
    for (place, encrypted) in places {
        let mut client = Client::connect(&Login::new(place, "mysql", "root", ""), None)?;
        ensure!(is_encrypted(&mut client)? == encrypted);
        for length in [0xff_ff_ff - 20, 0xff_ff_ff, 34_000_000_usize] {
            let text = "x".repeat(length);
            let rows = client.rows(&format!("SELECT '{text}', MD5('{text}')"))?;
            let (echo, digest): (String, String) = mysql_client::from_row_opt(rows[0].clone())?;
            ensure!(echo == text, "as text: {} of {length}", echo.len());
            let two = Params::Positional(vec![text.as_str().into(), digest.into()]);
            let rows = client.rows_of("SELECT CONCAT(?, ''), MD5(?) IS NOT NULL", two)?;
            ensure!(rows[0].get_opt::<String, _>(0).transpose()?.as_deref() == Some(&text), "as a parameter: {length}");
            bytes += 4 * length;
        }
        // And nothing is left over for the next question.
        ensure!(client.rows("SELECT 7")?[0].get_opt::<u8, _>(0).transpose()? == Some(7));
    }
    numbers(format_args!("bytes={bytes}"));
    Ok(())
}
