//! Every type, and every kind of name: what comes back is what was there.

use super::super::plan::{Source, parts};
use super::super::read::Reader;
use super::*;

/// Rows of every type, at the ends of what it holds.
const TYPES: &[&str] = &[
    "SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'",
    "CREATE TABLE ints (a TINYINT, b TINYINT UNSIGNED, c SMALLINT, d SMALLINT UNSIGNED, e MEDIUMINT, f MEDIUMINT UNSIGNED, \
        g INT, h INT UNSIGNED ZEROFILL, i BIGINT, j BIGINT UNSIGNED, k BOOL)",
    "INSERT INTO ints VALUES (-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 42, -9223372036854775808, \
        18446744073709551615, 1), (127, 0, 32767, 0, 8388607, 0, 2147483647, 4294967295, 9223372036854775807, 0, 0), \
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE decimals (a DECIMAL(65,30), b DECIMAL(65,0) UNSIGNED, c DECIMAL(5,2) ZEROFILL, d DECIMAL(38,38))",
    "INSERT INTO decimals VALUES (-99999999999999999999999999999999999.999999999999999999999999999999, REPEAT('9', 65), 1.5, \
        0.00000000000000000000000000000000000001), (0.000000000000000000000000000001, 0, 0, 0)",
    "CREATE TABLE floats (a FLOAT, b DOUBLE, c FLOAT(7,4), d DOUBLE(20,10), e FLOAT UNSIGNED)",
    "INSERT INTO floats VALUES (1.23456789, 0.1, 123.4567, 1234567890.0123456789, 16777217), (16777217, 1e308, 0.00005, 0, 1e-38), \
        (0.3333333333, 2.2250738585072014e-308, -999.9999, -0.0000000001, 3.402823466e38), ('-0', '-0', '-0', '-0', 0), \
        (1.17549435e-38, 1.7976931348623157e308, 0, 0, 0), (-3.402823466e38, 4.9406564584124654e-324, 0, 0, 0), \
        (1e-45, 0.1 + 0.2e0, 0, 0, 0)",
    "CREATE TABLE bits (a BIT(1), b BIT(8), c BIT(13), d BIT(64), e BIT(39))",
    "INSERT INTO bits VALUES (b'1', b'00100111', b'1000000001010', 0x275C5C270A0D1A00, b'0'), (0, 0, 0, 0, 0), \
        (1, 255, 8191, 18446744073709551615, NULL), (1, 10, 9, 0x0909090909090909, 0x0A5C270900)",
    "CREATE TABLE times (a DATE, b DATETIME(6), c TIMESTAMP(6) NULL, d TIME(6), e YEAR, f DATETIME, g TIMESTAMP NULL, h TIME)",
    "INSERT INTO times VALUES ('0000-00-00', '0000-00-00', '0000-00-00', '-838:59:59.999999', 0, '9999-12-31 23:59:59', \
        '2038-01-19 03:14:07', '838:59:59'), ('2010-02-31', '2010-00-05', '1970-01-01 00:00:01.000001', '00:00:00.000001', 2155, \
        '1000-01-01', '2021-03-28 01:30:00', '-00:00:01'), ('2000-02-29', '2000-01-01 12:00:00.5', '2021-10-31 01:30:00.5', 0, \
        1901, 0, NULL, NULL)",
    "CREATE TABLE texts (a CHAR(9) CHARACTER SET utf8mb4, b VARCHAR(300) CHARACTER SET latin1, c TEXT CHARACTER SET ucs2, \
        d VARCHAR(20) CHARACTER SET utf16, e TINYTEXT CHARACTER SET utf8mb3, f LONGTEXT CHARACTER SET sjis, \
        g VARCHAR(9) CHARACTER SET utf32, h VARCHAR(20) CHARACTER SET big5, i VARCHAR(20) CHARACTER SET gbk)",
    "INSERT INTO texts VALUES ('it''s 😀 ', CONVERT(UNHEX('80FFE4275C0A0D09001A') USING latin1), '一\\'\\\\ü\\n', '😀\\'\\\\', 'ä\\\\', \
        '表ソ\\'', '😀', '功能', '中文'), ('', '', '', '', '', '', '', '', ''), \
        ('a  ', 'a\\tb', 'a  ', '  ', 'NULL', '\\\\N', '_', '%', ';')",
    "CREATE TABLE bytes (a BINARY(4), b VARBINARY(300), c BLOB, d LONGBLOB, e TINYBLOB)",
    "CREATE TABLE sets (a ENUM('x', 'it''s', 'ü', '') CHARACTER SET latin1, b SET('a', 'b c', 'ö') CHARACTER SET utf8mb4, \
        c ENUM('字', 'b') CHARACTER SET ucs2, d ENUM('1', '0', '2'))",
    "INSERT INTO sets VALUES ('x', 'a,b c,ö', '字', '2'), ('it''s', '', 'b', '0'), ('ü', 'ö', NULL, '1'), ('', NULL, 'b', 2)",
    "CREATE TABLE jsons (a JSON, b JSON)",
    "INSERT INTO jsons VALUES ('{\"a\": [1, 2.50, \"it''s\", null, \"\\\\u0041\\\\n😀\"]}', '[]'), (NULL, '1e3'), ('\"\"', 'null')",
    "CREATE TABLE shapes (a GEOMETRY, b POINT NOT NULL, c LINESTRING, d POLYGON, e MULTIPOINT, f MULTILINESTRING, \
        g MULTIPOLYGON, h GEOMETRYCOLLECTION, SPATIAL KEY s (b))",
    "INSERT INTO shapes VALUES (ST_GeomFromText('POINT(1.1 -2.2)', 4326), POINT(0.1, 39), ST_GeomFromText('LINESTRING(0 0,1 1)'), \
        ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 0))'), ST_GeomFromText('MULTIPOINT(1 1,2 2)'), \
        ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), ST_GeomFromText('MULTIPOLYGON(((0 0,9 0,9 9,0 0)))'), \
        ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')), \
        (NULL, POINT(92, 10), NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE computed (a INT, v INT AS (a * 2) VIRTUAL, b VARCHAR(9), s VARCHAR(20) AS (CONCAT(b, '!')) STORED, KEY sk (s), \
        KEY vk (v), KEY ab (a, b))",
    "INSERT INTO computed (a, b) VALUES (1, 'x'), (NULL, NULL)",
    "CREATE TABLE only_computed (v INT AS (7) STORED)",
    "INSERT INTO only_computed VALUES (), (), ()",
    "CREATE TABLE counted (id INT UNSIGNED NOT NULL AUTO_INCREMENT, g INT NOT NULL, KEY ids (id), PRIMARY KEY (g, id)) \
        AUTO_INCREMENT = 700",
    "INSERT INTO counted VALUES (0, 1), (5, 2), (699, 2)",
    "INSERT INTO counted (g) VALUES (3), (4)",
    "DELETE FROM counted WHERE g > 2",
    "CREATE TABLE empty_with_next_id (id BIGINT PRIMARY KEY AUTO_INCREMENT) AUTO_INCREMENT = 12345",
    "CREATE TABLE aria (a INT PRIMARY KEY AUTO_INCREMENT, b TEXT, KEY (b(3))) ENGINE = MyISAM AUTO_INCREMENT = 9",
    "INSERT INTO aria VALUES (3, 'x'), (1, NULL)",
    "CREATE TABLE parted (id INT NOT NULL, y INT NOT NULL, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) \
        (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "INSERT INTO parted VALUES (1, 1), (2, 99), (3, 10)",
    "CREATE TABLE `wo``rd 'q\" é\\\\ 語; -- /*` (`a``b '\" é\\\\);` INT, `)` TEXT, KEY `k``,(` (`a``b '\" é\\\\);`)) COMMENT = 'it''s (\\\\'",
    "INSERT INTO `wo``rd 'q\" é\\\\ 語; -- /*` VALUES (1, '),\\n(2,\\'x\\');\\nDROP TABLE ints;\\n-- '), (2, NULL)",
    "CREATE TABLE `nächste_Tabelle_語_mit_einem_Namen_von_genau_vierundsechzig_Zeich` (a INT)",
    "CREATE TABLE no_key (a INT, b TEXT)",
    "INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
    "CREATE TABLE uniques (a INT NOT NULL, b VARCHAR(9) NOT NULL, UNIQUE KEY u (b, a), KEY k (a))",
    "INSERT INTO uniques VALUES (1, 'a'), (1, 'b')",
];

/// What only MariaDB has.
const MARIADB: &[&str] = &[
    "CREATE TABLE addresses (a UUID, b INET6, c INET4)",
    "INSERT INTO addresses VALUES ('123e4567-e89b-12d3-a456-426655440000', '::ffff:1.2.3.4', '1.2.3.4'), \
        ('00000000-0000-0000-0000-00000000005c', '2001:db8::27', '39.92.10.9'), (NULL, NULL, NULL)",
    "CREATE TABLE hidden (a INT INVISIBLE DEFAULT 3, b INT, c TEXT INVISIBLE)",
    "INSERT INTO hidden (a, b, c) VALUES (7, 8, 'nine'), (NULL, NULL, NULL)",
];

fn filled(statements: &[&str]) -> Option<TestSchema> {
    let server = server()?;
    let schema = server.schema(&[]);
    let mut link = schema.link();
    for statement in statements {
        link.run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let all: String = (0..=255).map(|byte| format!("{byte:02X}")).collect();
    if statements.iter().any(|statement| statement.starts_with("CREATE TABLE bytes")) {
        for bytes in [&format!("0x{all}"), "''", "0x00", "0x275C", "NULL", "0x5C"] {
            let blobs = format!("{bytes}, {bytes}, {bytes}");
            link.run(format!("INSERT INTO bytes VALUES (SUBSTR({bytes}, 1, 4), {blobs}, SUBSTR({bytes}, 9, 90))"))
                .unwrap();
        }
    }
    Some(schema)
}

fn everything() -> Option<TestSchema> {
    let mariadb = if is_mariadb() { MARIADB } else { &[] };
    filled(&[TYPES, mariadb].concat())
}

#[test]
fn every_type_and_name_comes_back() {
    for quiet in [Quiet::Frozen, Quiet::Live] {
        let Some(schema) = everything() else { return };
        let before = state(&schema);
        let saved = Saved::new(schema, quiet);
        assert_eq!(saved.info.tables, before.0.tables.len() as u64);
        // Over what is there, over what is half gone, and over nothing.
        for damage in ["DO 1", "DELETE FROM ints", "DROP TABLE ints, texts, counted", "ALTER TABLE sets DROP COLUMN a"]
        {
            saved.schema.run(damage);
            saved.load().unwrap();
            assert_eq!(state(&saved.schema), before, "{damage}");
        }
    }
}

#[test]
fn every_type_and_name_comes_back_without_us() {
    let Some(schema) = everything() else { return };
    let before = state(&schema);
    let saved = Saved::new(schema, Quiet::Frozen);
    let other = server().unwrap().schema(&[]);
    saved.load_by_hand(&other);
    assert_eq!(state(&other), before);
    saved.load_by_hand(&other);
    assert_eq!(state(&other), before);
}

#[test]
fn every_type_and_name_comes_back_where_the_server_takes_no_stream() {
    let Some(schema) = everything() else { return };
    let before = state(&schema);
    let saved = Saved::new(schema, Quiet::Frozen);
    let manifest = verify(&saved.directory).unwrap();
    saved.schema.run("DROP TABLE ints, texts, bytes, bits, shapes");
    load::load(&saved.schema.config(), &saved.directory, &manifest, Some(false)).unwrap();
    assert_eq!(state(&saved.schema), before);
}

#[test]
fn a_row_bigger_than_a_statement_has_one_for_itself() {
    let big = "INSERT INTO big VALUES (1, 'a', REPEAT('x''\\\\', 900000)), (2, NULL, ''), (3, 'b', REPEAT(UNHEX('00FF'), 2000000))";
    let Some(schema) = filled(&["CREATE TABLE big (id INT PRIMARY KEY, s TEXT, b LONGBLOB)", big]) else { return };
    let before = state(&schema);
    let saved = Saved::new(schema, Quiet::Frozen);
    let text = text_of(&file_with(&saved.directory, "-2-data"));
    assert_eq!(text.windows(11).filter(|words| words == b"INSERT INTO").count(), 3);
    saved.schema.run("DELETE FROM big");
    saved.load().unwrap();
    assert_eq!(state(&saved.schema), before);
}

#[test]
fn a_big_table_is_read_in_parts_and_loaded_with_its_keys_built_behind_the_rows() {
    let sql = include_str!("mautic.sql");
    let mut statements = vec!["SET @leads = 30000, @hits = 20000"];
    // No string in it has a semicolon.
    statements.extend(sql.split(";\n").filter(|statement| !statement.trim().is_empty()));
    let Some(schema) = filled(&statements) else { return };
    schema.run("DELETE FROM leads WHERE id % 9 = 0");
    schema.run("UPDATE page_hits SET lead_id = NULL WHERE lead_id % 9 = 0");
    let before = state(&schema);
    let saved = Saved::new(schema, Quiet::Frozen);
    let (config, tables) = (saved.schema.config(), ["leads".to_owned(), "page_hits".to_owned()]);
    let mut reader = Reader::open(&config).unwrap();
    let sources = Source::all(&saved.catalog, &tables, reader.flavor).unwrap();
    assert!(parts(&mut reader, &sources, true).unwrap().len() > tables.len());
    saved.schema.run("DROP TABLE page_hits");
    saved.schema.run("DELETE FROM leads WHERE id > 4");
    saved.load().unwrap();
    assert_eq!(state(&saved.schema), before);
    let manifest = verify(&saved.directory).unwrap();
    assert_eq!(manifest.tables["leads"].rows, 30000 - 30000 / 9);
    let orphan = saved.schema.link().run(
        "INSERT INTO page_hits (lead_id, ip_id, date_hit, code, tracking_id) \
        VALUES (9, 1, '2021-01-01', 200, 'x')",
    );
    assert!(orphan.unwrap_err().to_string().contains("hit_lead"));
}
