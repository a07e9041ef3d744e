//! Tests of the serialised format: what is refused, that nothing panics, and that the rest comes back to the byte.

use std::collections::BTreeSet;

use super::*;

fn code(text: impl AsRef<[u8]>) -> &'static str {
    parse(text.as_ref()).unwrap_err().code
}

#[test]
fn objects_and_references_are_refused() {
    for text in ["O:8:\"stdClass\":0:{}", "C:3:\"Foo\":0:{}", "E:5:\"A:One\";", "a:1:{i:0;O:1:\"A\":0:{}}"] {
        assert_eq!(code(text), "object", "{text}");
    }
    for text in ["a:2:{i:0;i:1;i:1;R:2;}", "r:1;"] {
        assert_eq!(code(text), "reference", "{text}");
    }
}

#[test]
fn a_length_that_lies_is_refused() {
    for text in [
        "s:4:\"abc\";",
        "s:2:\"abc\";",
        "s:99999999999999999999:\"abc\";",
        "s:18446744073709551615:\"abc\";",
        "s:-1:\"abc\";",
        "s:03:\"abc\";",
        "s:+3:\"abc\";",
        "s::\"\";",
        "a:-1:{}",
        "a:1:{}",
        "a:0:{i:0;i:1;}",
        "a:9223372036854775807:{}",
        // One letter, two bytes.
        "s:1:\"é\";",
    ] {
        assert_eq!(code(text), "wrong-length", "{text}");
    }
}

#[test]
fn a_spelling_that_php_never_writes_is_refused() {
    for text in [
        "i:007;",
        "i:+1;",
        "i:-0;",
        "i:;",
        "i:9223372036854775808;",
        "b:2;",
        "b:;",
        "b:true;",
        "n;",
        "x",
        "d:;",
        "d:1.;",
    ] {
        assert_eq!(code(text), "wrong-value", "{text}");
    }
    for text in ["d:.5;", "d:1E;", "d:inf;", "d:0x1p3;", "d:1 ;", "a:1:{d:0.5;i:1;}", "S:1:\"a\";", "N:"] {
        assert_eq!(code(text), "wrong-value", "{text}");
    }
    assert_eq!(code(format!("i:{}", "1".repeat(1000))), "wrong-value");
}

#[test]
fn a_key_twice_is_refused() {
    assert_eq!(code("a:2:{s:1:\"a\";N;s:1:\"a\";N;}"), "duplicate-key");
    assert_eq!(code("a:2:{i:5;N;s:1:\"5\";N;}"), "duplicate-key");
    assert!(parse(b"a:2:{i:5;N;s:2:\"05\";N;}").is_ok());
}

#[test]
fn something_after_the_value_is_refused() {
    assert_eq!(
        parse(b"i:1;\n").unwrap_err(),
        Error { code: "trailing", offset: 4, message: "something stands after the value" }
    );
    assert_eq!(code("N;N;"), "trailing");
}

#[test]
fn what_is_too_deep_or_too_big_is_refused() {
    let nested = |depth: usize| format!("{}N;{}", "a:1:{i:0;".repeat(depth), "}".repeat(depth));
    assert_eq!(code(nested(MAX_DEPTH + 1)), "too-deep");
    assert_eq!(code("a:1:{i:0;".repeat(400_000)), "too-deep");
    assert_eq!(code(vec![b's'; MAX_SIZE + 1]), "too-big");
    let deepest = nested(MAX_DEPTH);
    assert_eq!(parse(deepest.as_bytes()).unwrap().write(), deepest.as_bytes());
}

#[test]
fn a_text_cut_anywhere_is_refused() {
    let text = "a:4:{s:4:\"list\";a:2:{i:0;s:3:\"äb\";i:1;N;}i:-3;d:1.0E+25;s:0:\"\";b:1;i:7;i:-12;}".as_bytes();
    assert_eq!(parse(text).unwrap().write(), text);
    for end in 0..text.len() {
        let code = parse(&text[..end]).unwrap_err().code;
        assert!(["cut-off", "wrong-length"].contains(&code), "{end}: {code}");
    }
}

#[test]
fn each_kind_comes_back_to_the_byte() {
    for text in ["N;", "b:0;", "b:1;", "i:0;", "i:-9223372036854775808;", "s:0:\"\";", "s:6:\"a\";s:1\";", "a:0:{}"] {
        assert_eq!(parse(text.as_bytes()).unwrap().write(), text.as_bytes(), "{text}");
    }
    for text in ["d:0.1;", "d:0.10000000000000001;", "d:-0;", "d:1.0E+25;", "d:1.0E-7;", "d:INF;", "d:-INF;", "d:NAN;"]
    {
        assert_eq!(parse(text.as_bytes()).unwrap().write(), text.as_bytes(), "{text}");
    }
    assert_eq!(parse(b"s:2:\"\xff\0\";").unwrap().write(), b"s:2:\"\xff\0\";");
}

#[test]
fn a_changed_value_has_lengths_in_bytes() {
    let mut value = parse(b"a:2:{s:11:\"empty_value\";s:3:\"a|b\";s:4:\"list\";a:0:{}}").unwrap();
    let entries = value.as_array_mut().unwrap();
    entries[0].0 = Key::from("placeholder");
    *value.get_mut("placeholder").unwrap() = Value::from("Größe 😀");
    *value.get_mut("list").unwrap() = Value::list([Value::map([("label", "ä".into()), ("value", Value::Int(1))])]);
    let expected = "a:2:{s:11:\"placeholder\";s:12:\"Größe 😀\";s:4:\"list\";a:1:{i:0;a:2:{s:5:\"label\";s:2:\"ä\";s:5:\"value\";i:1;}}}";
    assert_eq!(String::from_utf8(value.write()).unwrap(), expected);
}

#[test]
fn a_float_is_its_number() {
    assert_eq!(Float::new("1.0E+25").unwrap().value(), 1.0e25);
    assert_eq!(Float::new("-INF").unwrap().value(), f64::NEG_INFINITY);
    assert!(Float::new("NAN").unwrap().value().is_nan());
    assert_eq!(Float::new("1e"), None);
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(12)).map(|_| self.below(256) as u8).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 1),
            2 => Value::Int(self.0 as i64),
            3 => Value::Float(Float::new(["0.5", "-1.0E-9", "INF", "3"][self.below(4)]).unwrap()),
            4 => Value::String(self.bytes()),
            _ => {
                let mut keys = BTreeSet::new();
                let mut entries = Vec::new();
                for _ in 0..self.below(6) {
                    let key = if self.below(2) == 0 { Key::Int(self.0 as i64) } else { Key::String(self.bytes()) };
                    if keys.insert(key.clone()) {
                        entries.push((key, self.value(depth - 1)));
                    }
                }
                Value::Array(entries)
            }
        }
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let value = numbers.value(4);
        let text = value.write();
        // A random key may be the text of an integer that is there as well.
        match parse(&text) {
            Ok(read) => assert_eq!((read.write(), read), (text, value)),
            Err(error) => assert_eq!(error.code, "duplicate-key"),
        }
    }
}

#[test]
fn damaged_text_is_refused_or_comes_back_to_the_byte() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let marks = b"abdiNsOR:;{}\"-+.0123456789\0\xff";
    let mut accepted = 0;
    for _ in 0..200_000 {
        let mut text = numbers.value(3).write();
        for _ in 0..=numbers.below(3) {
            let (at, mark) = (numbers.below(text.len() + 1), marks[numbers.below(marks.len())]);
            match numbers.below(3) {
                0 => text.insert(at, mark),
                1 if at < text.len() => text[at] = mark,
                _ => text.truncate(at.max(1)),
            }
        }
        if let Ok(value) = parse(&text) {
            assert_eq!(value.write(), text);
            accepted += 1;
        }
        let noise: Vec<u8> = (0..numbers.below(20)).map(|_| marks[numbers.below(marks.len())]).collect();
        if let Ok(value) = parse(&noise) {
            assert_eq!(value.write(), noise);
        }
    }
    assert!(accepted > 1_000, "{accepted}: the damage is too heavy to prove anything");
}
