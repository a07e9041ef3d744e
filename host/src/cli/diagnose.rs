//! `liftlock diagnose`.

use liftlock::bundle::{DatabasePlace, Installation, Login};
use liftlock::effect::Fault;
use liftlock::upgrade::{self, Condition, Diagnosis, Trouble, Way, Weight};
use serde_json::json;

use super::accept::quoted;
use super::{Exit, Format, Global, output};

/// Say what state the installation is in, and the one command that gets it out
///
/// Reads the journal, which version files and database are of, maintenance files, and what other tools have left. Changes
/// nothing. Exit code 0 if all is well, 4 if somebody has to do something, 5 if it cannot be told, 75 while a run is going on.
#[derive(clap::Args)]
pub(super) struct Diagnose {}

impl Diagnose {
    #[expect(clippy::unused_self, reason = "has the shape of its siblings")]
    pub(super) fn run(&self, global: &Global) -> Exit {
        match look(global) {
            Err(trouble) => output::trouble(global, &trouble),
            Ok((installation, diagnosis)) => tell(global, &installation, &diagnosis),
        }
    }
}

fn look(global: &Global) -> Result<(Installation, Diagnosis), Trouble> {
    match global.open() {
        Ok(upgrade) => Ok((upgrade.setup().installation.clone(), upgrade.diagnose()?)),
        Err(Trouble::Fault(Fault { code: "locked", message, .. })) => {
            let installation = Installation::load(&global.installation)?;
            let diagnosis = upgrade::going_on(&installation.state, message);
            Ok((installation, diagnosis))
        }
        Err(trouble) => Err(trouble),
    }
}

fn tell(global: &Global, installation: &Installation, diagnosis: &Diagnosis) -> Exit {
    let Diagnosis { state, facts } = diagnosis;
    let Condition { code, message, hint, weight, .. } = state;
    let next = command(&state.way, installation);
    if global.format == Format::Json {
        let facts: Vec<_> =
            facts.iter().map(|f| json!({ "about": f.about, "found": f.text, "place": f.place })).collect();
        output::json(&json!({
            "type": "diagnosis", "installation": installation.name, "state": code, "well": *weight == Weight::Well,
            "message": message, "facts": facts, "hint": hint, "next": next,
        }));
    } else {
        output::line(&format!("{}: {code}", installation.name));
        output::line(&format!("  {message}"));
        let wide = facts.iter().map(|fact| fact.about.len()).max().unwrap_or_default();
        for fact in facts {
            output::line(&format!("    {:wide$}  {} ({})", fact.about, fact.text, fact.place));
        }
        if let Some(hint) = hint {
            output::line(&format!("  hint: {hint}"));
        }
        if let Some(next) = &next {
            output::line(&format!("  next: {next}"));
        }
    }
    match weight {
        Weight::Well => Exit::Done,
        Weight::Busy => Exit::Busy,
        Weight::Broken => Exit::NeedsPerson,
        Weight::Unknown => Exit::Found,
    }
}

/// A way out, as a line for a shell. A flag of another tool is taken away by the operator's own hand: it is one file or one row,
/// nobody needs an undo for it, and what changes nothing should not begin to here.
fn command(way: &Way, installation: &Installation) -> Option<String> {
    match way {
        Way::None => None,
        Way::Command(command) => Some((*command).to_owned()),
        Way::Remove(path) => Some(format!("rm -- {}", quoted(&path.display().to_string()))),
        Way::Statement { database, statement } => {
            let client = client(installation.databases.get(database)?)?;
            Some(format!("{client} --execute={}", quoted(statement)))
        }
    }
}

/// The client of a database. The password is asked for, or stands in the client's own settings.
fn client(place: &DatabasePlace) -> Option<String> {
    let DatabasePlace::Server(place) = place else { return None };
    match &place.login {
        Login::Socket { socket, user, schema, password_file } => {
            let password = if password_file.is_some() { " --password" } else { "" };
            let socket = quoted(&socket.display().to_string());
            Some(format!("mariadb --socket={socket} --user={}{password} {}", quoted(user), quoted(schema)))
        }
        // The address is a secret as a whole: the operator knows where it is.
        Login::UrlEnv(_) | Login::UrlFile(_) => Some("mariadb".to_owned()),
    }
}
