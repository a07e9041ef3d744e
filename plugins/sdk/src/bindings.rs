//! What `wit-bindgen` makes of the contract. A stage never names it: the other modules wrap it.

#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::unwrap_used, clippy::expect_used)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "stage",
    generate_all,
    pub_export_macro: true,
    additional_derives: [PartialEq],
});
