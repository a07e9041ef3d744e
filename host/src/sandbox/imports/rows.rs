//! The database's values, pages and definitions as the contract's types. Vectors are moved, not copied.

use crate::capability::database::{
    Column, ColumnData, ColumnDefinition, ColumnInfo, ForeignKey, Object, Packed, Page, SnapshotInfo, Value,
};
use crate::sandbox::bindings::liftlock::database::database as wit;

pub(super) fn page(page: Page) -> wit::Page {
    wit::Page { rows: page.rows, columns: page.columns.into_iter().map(column).collect() }
}

fn column(column: Column) -> wit::Column {
    let data = match column.data {
        ColumnData::Ints(ints) => wit::ColumnData::Ints(ints),
        ColumnData::Uints(uints) => wit::ColumnData::Uints(uints),
        ColumnData::Floats(floats) => wit::ColumnData::Floats(floats),
        ColumnData::Texts(texts) => wit::ColumnData::Texts(packed(texts)),
        ColumnData::Blobs(blobs) => wit::ColumnData::Blobs(packed(blobs)),
        ColumnData::Mixed(values) => wit::ColumnData::Mixed(values.into_iter().map(value).collect()),
    };
    wit::Column { nulls: column.nulls, data }
}

fn packed(packed: Packed) -> wit::Packed {
    wit::Packed { ends: packed.ends, data: packed.data }
}

fn value(value: Value) -> wit::Value {
    match value {
        Value::Null => wit::Value::Null,
        Value::Int(int) => wit::Value::Int(int),
        Value::Uint(uint) => wit::Value::Uint(uint),
        Value::Float(float) => wit::Value::Float(float),
        Value::Text(text) => wit::Value::Text(text),
        Value::Bytes(bytes) => wit::Value::Bytes(bytes),
    }
}

impl From<wit::Value> for Value {
    fn from(value: wit::Value) -> Self {
        match value {
            wit::Value::Null => Self::Null,
            wit::Value::Int(int) => Self::Int(int),
            wit::Value::Uint(uint) => Self::Uint(uint),
            wit::Value::Float(float) => Self::Float(float),
            wit::Value::Text(text) => Self::Text(text),
            wit::Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl From<ColumnInfo> for wit::ColumnInfo {
    fn from(info: ColumnInfo) -> Self {
        Self { name: info.name, declared: info.declared, extra: info.extra }
    }
}

impl From<Object> for wit::Object {
    fn from(object: Object) -> Self {
        Self {
            kind: object.kind,
            name: object.name,
            table: object.table,
            definition: object.definition,
            extra: object.extra,
        }
    }
}

impl From<ColumnDefinition> for wit::ColumnDefinition {
    fn from(column: ColumnDefinition) -> Self {
        Self {
            name: column.name,
            declared: column.declared,
            nullable: column.nullable,
            default: column.default,
            primary_key: column.primary_key,
            extra: column.extra,
        }
    }
}

impl From<ForeignKey> for wit::ForeignKey {
    fn from(key: ForeignKey) -> Self {
        Self {
            name: key.name,
            columns: key.columns,
            references: key.references,
            referenced_columns: key.referenced_columns,
            on_delete: key.on_delete,
            on_update: key.on_update,
            extra: key.extra,
        }
    }
}

impl From<SnapshotInfo> for wit::SnapshotInfo {
    fn from(info: SnapshotInfo) -> Self {
        Self { id: info.id, tables: info.tables, rows: info.rows, bytes: info.bytes, extra: info.extra }
    }
}
