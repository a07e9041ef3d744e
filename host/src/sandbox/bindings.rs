//! The contract (`wit/`) as Rust: made by wasmtime's `bindgen!`.

#![allow(
    missing_docs,
    clippy::all,
    unreachable_pub,
    unused_qualifications,
    reason = "generated; the documentation is in wit/"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "liftlock:stage/stage",
    imports: { default: trappable },
    exports: { default: async },
    with: {
        "liftlock:files/files.directory": super::guest::DirectoryHandle,
        "liftlock:database/database.connection": super::guest::ConnectionHandle,
        "liftlock:database/database.cursor": super::guest::CursorHandle,
        "liftlock:database/database.transaction": super::guest::TransactionHandle,
    },
});

/// The world of a component that reads versions: what it imports is what a stage imports.
pub mod reader {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "liftlock:versions/reader",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "liftlock:run/types": super::liftlock::run::types,
            "liftlock:run/context": super::liftlock::run::context,
            "liftlock:database/database": super::liftlock::database::database,
            "liftlock:files/files": super::liftlock::files::files,
        },
    });
}
