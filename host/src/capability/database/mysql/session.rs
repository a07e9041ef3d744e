//! The stage's connection: the guest's statements.
