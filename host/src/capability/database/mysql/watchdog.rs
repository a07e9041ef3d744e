//! Ends a statement that takes too long: `KILL QUERY` from a second connection.
