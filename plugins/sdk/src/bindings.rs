//! What `wit-bindgen` makes of the contract. A stage never names it: the other modules wrap it.

#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::unwrap_used, clippy::expect_used)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "stage",
    generate_all,
    pub_export_macro: true,
    additional_derives: [PartialEq],
});

/// The world of a component that reads versions: what it imports is what a stage imports.
pub mod reader {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "liftlock:versions/reader",
        with: {
            "liftlock:run/types@0.1.0": crate::bindings::liftlock::run::types,
            "liftlock:run/context@0.1.0": crate::bindings::liftlock::run::context,
            "liftlock:database/database@0.1.0": crate::bindings::liftlock::database::database,
            "liftlock:files/files@0.1.0": crate::bindings::liftlock::files::files,
        },
        generate_all,
        pub_export_macro: true,
        additional_derives: [PartialEq],
    });
}
