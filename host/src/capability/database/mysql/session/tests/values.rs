//! Every type of column, as a guest gets it and gives it.

use super::*;

#[test]
fn each_type_comes_as_the_contract_says() {
    let Some(place) = Place::new(&[
        "CREATE TABLE zoo (
            tiny TINYINT, utiny TINYINT UNSIGNED, big BIGINT, ubig BIGINT UNSIGNED, small SMALLINT UNSIGNED, medium MEDIUMINT,
            year YEAR, bits BIT(9), exact DECIMAL(20, 4), single FLOAT, twice DOUBLE,
            day DATE, moment DATETIME(3), stamp TIMESTAMP NULL, span TIME, fine TIME(6),
            word VARCHAR(20), old VARCHAR(20) CHARACTER SET latin1, prose LONGTEXT, one ENUM('a', 'ü'), some SET('x', 'y'),
            json JSON, raw VARBINARY(10), fixed BINARY(3), heap BLOB, spot POINT)",
        "SET sql_mode = ''",
        "INSERT INTO zoo VALUES (-128, 255, -9223372036854775808, 18446744073709551615, 65535, -8388608,
            2026, b'100000001', -12345.6700, 0.5, 1e300,
            '0000-00-00', '2026-11-22 01:02:03.400', '2026-11-22 01:02:03', '-838:59:59', '12:00:00.000001',
            'zwölf', 'grün', 'prose', 'ü', 'x,y',
            '{\"a\": 1}', x'00ff', x'0102', x'fffe', ST_GeomFromText('POINT(1 2)'))",
        "INSERT INTO zoo () VALUES ()",
    ]) else {
        return;
    };
    let rows = place.rows("SELECT * FROM zoo ORDER BY tiny DESC");
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        rows[0][..25],
        [
            Value::Int(-128),
            Value::Uint(255),
            Value::Int(i64::MIN),
            Value::Uint(u64::MAX),
            Value::Uint(65_535),
            Value::Int(-8_388_608),
            Value::Uint(2026),
            Value::Uint(257),
            text("-12345.6700"),
            Value::Float(0.5),
            Value::Float(1e300),
            text("0000-00-00"),
            text("2026-11-22 01:02:03.400"),
            text("2026-11-22 01:02:03"),
            text("-838:59:59"),
            text("12:00:00.000001"),
            text("zwölf"),
            text("grün"),
            text("prose"),
            text("ü"),
            text("x,y"),
            text("{\"a\": 1}"),
            Value::Bytes(vec![0, 0xff]),
            Value::Bytes(vec![1, 2, 0]),
            Value::Bytes(vec![0xff, 0xfe]),
        ]
    );
    assert!(matches!(&rows[0][25], Value::Bytes(bytes) if bytes.len() == 25));
    assert!(rows[1].iter().all(|value| *value == Value::Null));
}

#[test]
fn columns_say_what_they_were_declared_as() {
    let Some(place) = Place::new(&[
        "CREATE TABLE t (n INT UNSIGNED, w VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci, b BLOB)",
    ]) else {
        return;
    };
    let cursor = place.database.query("SELECT n AS amount, w, b, n + 1 AS more FROM t AS x", &[], None).unwrap();
    let said: Vec<_> = cursor.columns().iter().map(|c| (c.name.as_str(), c.declared.as_str())).collect();
    assert!(said[0] == ("amount", "int(10) unsigned") || said[0] == ("amount", "int unsigned"), "{said:?}");
    assert_eq!(said[1..], [("w", "varchar(9)"), ("b", "blob"), ("more", "")]);
    let extra =
        |index: usize| cursor.columns()[index].extra.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>();
    assert_eq!(extra(0), [("unsigned", "yes")]);
    assert_eq!(extra(1), [("charset", "latin1"), ("collation", "latin1_german1_ci")]);
    assert_eq!(extra(2), []);
}

#[test]
fn what_is_given_as_a_parameter_comes_back() {
    let Some(place) = Place::new(&[
        "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, f DOUBLE, s TEXT, b BLOB, d DATE)",
    ]) else {
        return;
    };
    let given = [
        Value::Int(i64::MIN),
        Value::Uint(u64::MAX),
        Value::Float(-0.1),
        Value::Text("it's 100 % \\ \u{1f600}".to_owned()),
        Value::Bytes((0..=255).collect()),
        Value::Text("2026-02-28".to_owned()),
    ];
    place.begin(None).unwrap();
    let done = place.execute_with("INSERT INTO t (i, u, f, s, b, d) VALUES (?, ?, ?, ?, ?, ?)", &given).unwrap();
    assert_eq!((done.affected, done.last_id), (1, Some(1)));
    let nothing = vec![Value::Null; 6];
    let done = place.execute_with("INSERT INTO t (i, u, f, s, b, d) VALUES (?, ?, ?, ?, ?, ?)", &nothing).unwrap();
    assert_eq!(done.last_id, Some(2));
    assert_eq!(place.execute("UPDATE t SET i = 5").unwrap().affected, 2);
    assert_eq!(place.execute("UPDATE t SET i = 5").unwrap().affected, 0, "rows that change, not rows that match");
    assert_eq!(place.rows("SELECT u, f, s, b, d FROM t ORDER BY id")[0], given[1..]);
    assert_eq!(place.try_rows("SELECT id FROM t WHERE u = ?", &given[1..2]).unwrap(), [[Value::Int(1)]]);
    place.database.rollback().unwrap();
}

#[test]
fn text_that_is_no_text_is_bytes() {
    let Some(place) = Place::new(&["CREATE TABLE t (w VARCHAR(9) CHARACTER SET binary, x VARCHAR(9))"]) else { return };
    place.schema.run("INSERT INTO t VALUES ('a', 'b')");
    assert_eq!(place.rows("SELECT w, x FROM t"), [[Value::Bytes(b"a".to_vec()), Value::Text("b".to_owned())]]);
}

#[test]
fn the_clock_of_the_stage_is_the_clock_of_its_statements() {
    let Some(place) = Place::new(&["CREATE TABLE t (at TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3), n DATETIME(3))"])
    else {
        return;
    };
    place.batch(1, &["INSERT INTO t (n) VALUES (NOW(3))"]);
    assert_eq!(place.int("SELECT COUNT(*) FROM t WHERE at = n AND UNIX_TIMESTAMP(at) = 1700000000.123"), 1);
}
