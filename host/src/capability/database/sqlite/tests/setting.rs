//! A setting of the application's that the host itself reads and sets.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::effect::Setting;

const T: &str = "CREATE TABLE \"a table\" (\"a name\" TEXT, value, n INTEGER, touched INTEGER DEFAULT 0);
    INSERT INTO \"a table\" VALUES ('Closed', '', 0, 7), ('Twice', 'a', 1, 0), ('Twice', 'b', 2, 0), ('Real', 1.5, 3, 0), ('None', NULL, 4, 0);
    CREATE TABLE other (a)";

fn setting(name: &str) -> Setting {
    let row = BTreeMap::from([("a name".to_owned(), name.to_owned())]);
    Setting { table: "a table".to_owned(), column: "value".to_owned(), row }
}

fn refused(place: &Place, setting: &Setting, why: &str) {
    for failure in [answer(place.database.setting(setting)), answer(place.database.set(setting, &json!("on"), ""))] {
        assert_eq!(failure.code, "no-such-setting");
        assert!(failure.message.contains(why), "{failure:?}");
    }
}

#[test]
fn what_is_not_exactly_one_value_is_refused() {
    let place = Place::new(T);
    refused(&place, &setting("Nobody"), "there is no such row");
    refused(&place, &setting("Twice"), "more than one");
    refused(&place, &setting("Real"), "neither a text nor a whole number");
    refused(&place, &Setting { table: "nowhere".to_owned(), ..setting("Closed") }, "no such table");
    refused(&place, &Setting { column: "walue".to_owned(), ..setting("Closed") }, "no such column");
    let by_nothing = BTreeMap::from([("Closed".to_owned(), "Closed".to_owned())]);
    refused(&place, &Setting { row: by_nothing, ..setting("Closed") }, "no such column");
    assert_eq!(place.int("SELECT count(*) FROM \"a table\" WHERE value = 'on'"), 0);
}

#[test]
fn it_is_set_and_put_back_with_its_type() {
    let place = Place::new(T);
    for (setting, before) in [
        (setting("Closed"), json!("")),
        (setting("None"), Json::Null),
        (Setting { column: "n".to_owned(), ..setting("Closed") }, json!(0)),
    ] {
        let looks = || place.rows("SELECT *, typeof(value), typeof(n) FROM \"a table\"");
        let all = looks();
        assert_eq!(place.database.setting(&setting).unwrap(), before);
        place.database.set(&setting, &json!("1"), "").unwrap();
        assert_eq!(Setting::words(&place.database.setting(&setting).unwrap()).as_deref(), Some("1"));
        place.database.set(&setting, &before, "").unwrap();
        assert_eq!(looks(), all, "{setting}");
    }
    // What the column makes something else of.
    let n = Setting { column: "n".to_owned(), ..setting("Closed") };
    let failure = answer(place.database.set(&n, &json!("01"), ""));
    assert!(failure.message.contains("the column makes 1 of \"01\""), "{failure:?}");
    assert_eq!(place.database.setting(&n).unwrap(), json!(0));
}

#[test]
fn our_own_write_is_in_the_stamp_and_nobody_elses() {
    for log in [false, true] {
        let (place, outside) = if log {
            Place::with_log(T)
        } else {
            let place = Place::new(T);
            let outside = place.outside();
            (place, outside)
        };
        let database = &place.database;
        let set = |value: &str, stamp: &str| database.set(&setting("Closed"), &json!(value), stamp).unwrap();
        let stamp = database.stamp().unwrap();
        assert_eq!(set("on", ""), None, "there is no stamp");
        assert!(database.written_since(&stamp).unwrap().is_some());
        let stamp = database.stamp().unwrap();
        let renewed = set("", &stamp).expect("nobody else has written");
        assert_eq!(database.written_since(&renewed).unwrap(), None);
        outside.execute("INSERT INTO other VALUES (1)", []).unwrap();
        assert!(database.written_since(&renewed).unwrap().is_some());
        assert_eq!(set("on", &renewed), None, "somebody else has written");
    }
}
