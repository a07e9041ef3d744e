//! What becomes of a statement before anything has run.
//!
//! The host refuses some of what MySQL's own client would send, and would say so in the middle of the work. So it is looked for
//! at the beginning: an executable comment hides what it does from everybody but the server; a session keeps no settings; one
//! call changes one object.

mod settings;
mod several;

use liftlock_sdk::database::Dialect;
use liftlock_sdk::failure::Failure;

use crate::split::{Piece, Token, tokens};

/// A statement that nothing speaks against.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It is sent as it stands in the file.
    AsItIs,
    /// It names several objects: these are sent, one behind the other.
    InParts(Vec<String>),
    /// It is not sent: it sets what is so already.
    LeftOut,
}

/// Why a statement cannot be sent, and at which byte of it.
type Refused = (usize, Failure);

/// Looks through a statement. `settled` are the settings that the pipeline answers for.
pub(crate) fn admit(text: &str, dialect: Dialect, settled: &[String]) -> Result<Admitted, Refused> {
    if dialect == Dialect::Sqlite {
        return Ok(Admitted::AsItIs);
    }
    let tokens = tokens(text, dialect);
    match tokens.iter().find(|piece| matches!(piece.token, Token::Executable(_))) {
        Some(comment) if tokens.len() == 1 => executable(comment.token, dialect, settled),
        Some(comment) => Err((comment.at, hidden())),
        None => match tokens.first().map(|first| first.token) {
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("SET") => set(&tokens[1..], settled),
            _ => Ok(several::parts(text, &tokens).map_or(Admitted::AsItIs, Admitted::InParts)),
        },
    }
}

/// A statement that is nothing but an executable comment: dump programs wrap settings like this.
fn executable(comment: Token<'_>, dialect: Dialect, settled: &[String]) -> Result<Admitted, Refused> {
    let Token::Executable(inside) = comment else { return Ok(Admitted::AsItIs) };
    let tokens = tokens(inside, dialect);
    match tokens.first().map(|first| first.token) {
        None => Ok(Admitted::LeftOut),
        Some(Token::Word(word)) if word.eq_ignore_ascii_case("SET") => set(&tokens[1..], settled),
        Some(_) => Err((0, hidden())),
    }
}

fn set(assignments: &[Piece<'_>], settled: &[String]) -> Result<Admitted, Refused> {
    match settings::first_that_matters(assignments, settled) {
        None => Ok(Admitted::LeftOut),
        Some(setting) => {
            let text = format!(
                "it sets {setting}, but the host connects as the pipeline says ([databases.*] foreign_keys, sql_mode); \
                 if that is the same, name it in the parameter `settings`"
            );
            Err((0, Failure::new("session-setting", text).with("setting", setting)))
        }
    }
}

fn hidden() -> Failure {
    Failure::new("executable-comment", "a comment that the server executes (/*! … */) hides what it does from the host")
}

#[cfg(test)]
mod tests;
