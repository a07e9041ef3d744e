//! Rows as they lie in their packets.

use mysql_common::constants::ColumnType;

use crate::error::Malformed;
use crate::row::{BinaryRow, Field, TextRow};

#[test]
fn texts_are_told_by_their_lengths() {
    let long = vec![b'x'; 300];
    let longer = vec![b'y'; 70_000];
    let longest = vec![b'z'; 1 << 24];
    let packet = [
        &[0xfb, 0, 2, b'a', b'b', 0xfc, 44, 1],
        long.as_slice(),
        &[0xfd, 0x70, 0x11, 1],
        &longer,
        &[0xfe, 0, 0, 0, 1, 0, 0, 0, 0],
        &longest,
        &[1, b'c'],
    ]
    .concat();
    let row: Result<Vec<_>, _> = TextRow::new(&packet).collect();
    let expected = [None, Some(&b""[..]), Some(b"ab"), Some(&long), Some(&longer), Some(&longest), Some(b"c")];
    assert!(row.unwrap() == expected);
}

/// Every type, once with a value, and its bytes.
const CELLS: [(ColumnType, bool, &[u8], Field<'static>); 18] = [
    (ColumnType::MYSQL_TYPE_TINY, false, &[0xff], Field::Int(-1)),
    (ColumnType::MYSQL_TYPE_TINY, true, &[0xff], Field::UInt(255)),
    (ColumnType::MYSQL_TYPE_SHORT, false, &[0, 0x80], Field::Int(-32_768)),
    (ColumnType::MYSQL_TYPE_YEAR, true, &[0xea, 7], Field::UInt(2026)),
    (ColumnType::MYSQL_TYPE_INT24, false, &[0xfe, 0xff, 0xff, 0xff], Field::Int(-2)),
    (ColumnType::MYSQL_TYPE_LONG, true, &[0xff; 4], Field::UInt(4_294_967_295)),
    (ColumnType::MYSQL_TYPE_LONGLONG, false, &[0xff; 8], Field::Int(-1)),
    (ColumnType::MYSQL_TYPE_LONGLONG, true, &[0xff; 8], Field::UInt(u64::MAX)),
    (ColumnType::MYSQL_TYPE_FLOAT, false, &[0, 0, 0, 0x3f], Field::Float(0.5)),
    (ColumnType::MYSQL_TYPE_DOUBLE, false, &[0, 0, 0, 0, 0, 0, 0xe0, 0x3f], Field::Double(0.5)),
    (ColumnType::MYSQL_TYPE_DATE, false, &[4, 0xea, 7, 11, 22], Field::Date(2026, 11, 22, 0, 0, 0, 0)),
    (ColumnType::MYSQL_TYPE_DATETIME, false, &[0], Field::Date(0, 0, 0, 0, 0, 0, 0)),
    (
        ColumnType::MYSQL_TYPE_TIMESTAMP,
        false,
        &[11, 0xea, 7, 11, 22, 18, 5, 9, 1, 0, 0, 0],
        Field::Date(2026, 11, 22, 18, 5, 9, 1),
    ),
    (ColumnType::MYSQL_TYPE_TIME, false, &[0], Field::Time(false, 0, 0, 0, 0, 0)),
    (ColumnType::MYSQL_TYPE_TIME, false, &[8, 1, 34, 0, 0, 0, 22, 59, 58], Field::Time(true, 34, 22, 59, 58, 0)),
    (ColumnType::MYSQL_TYPE_NEWDECIMAL, false, &[4, b'1', b'.', b'5', b'0'], Field::Bytes(b"1.50")),
    (ColumnType::MYSQL_TYPE_JSON, false, &[2, b'{', b'}'], Field::Bytes(b"{}")),
    (ColumnType::MYSQL_TYPE_BLOB, false, &[1, 0], Field::Bytes(&[0])),
];

fn read(packet: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
    let mut row = BinaryRow::new(packet, CELLS.len())?;
    CELLS.iter().map(|(column_type, unsigned, ..)| row.next(*column_type, *unsigned)).collect()
}

fn packet(nulls: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut bits = vec![0; (CELLS.len() + 2).div_ceil(8)];
    let mut cells = Vec::new();
    for (index, (.., bytes, _)) in CELLS.iter().enumerate() {
        if nulls(index) {
            bits[(index + 2) / 8] |= 1 << ((index + 2) % 8);
        } else {
            cells.extend_from_slice(bytes);
        }
    }
    [&[0], bits.as_slice(), &cells].concat()
}

#[test]
fn cells_are_told_by_the_types_of_their_columns() {
    assert_eq!(read(&packet(|_| false)).unwrap(), CELLS.map(|(.., field)| field));
    for null in 0..CELLS.len() {
        let packet = packet(|index| index == null);
        let fields = read(&packet).unwrap();
        for (index, (.., expected)) in CELLS.into_iter().enumerate() {
            assert_eq!(fields[index], if index == null { Field::Null } else { expected });
        }
    }
    assert!(read(&packet(|_| true)).unwrap().iter().all(|field| *field == Field::Null));
}

#[test]
fn a_row_that_is_cut_is_an_error_wherever_it_is_cut() {
    let whole = packet(|_| false);
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
    let text = [0xfb, 2, b'a', b'b', 0xfc, 3, 0, b'c', b'd', b'e'];
    let cut = |length: usize| TextRow::new(&text[..length]).collect::<Result<Vec<_>, _>>();
    let good: Vec<_> = (0..=text.len()).filter(|length| cut(*length).is_ok()).collect();
    assert_eq!(good, [0, 1, 4, text.len()], "only between two values");
    println!("cut={}", whole.len() + text.len());
}
