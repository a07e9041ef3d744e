//! Numbers of a column in a recording: one behind the other, eight or four bytes each, smallest first. Written and read as one
//! block, where a number at a time would take as long as fetching the rows from the server.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use serde_bytes::ByteBuf;

/// A number that is always as long.
pub(super) trait Plain: Copy {
    type Bytes: AsRef<[u8]> + for<'a> TryFrom<&'a [u8]>;

    fn to_bytes(self) -> Self::Bytes;
    fn from_bytes(bytes: Self::Bytes) -> Self;
}

macro_rules! plain {
    ($($number:ty),*) => {
        $(impl Plain for $number {
            type Bytes = [u8; size_of::<$number>()];

            fn to_bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }

            fn from_bytes(bytes: Self::Bytes) -> Self {
                Self::from_le_bytes(bytes)
            }
        })*
    };
}

plain!(i64, u64, f64, u32);

pub(super) fn serialize<T: Plain, S: Serializer>(numbers: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    // So the compiler makes one copy of it.
    let mut bytes = vec![0; size_of_val(numbers)];
    for (place, number) in bytes.chunks_exact_mut(size_of::<T>()).zip(numbers) {
        place.copy_from_slice(number.to_bytes().as_ref());
    }
    serializer.serialize_bytes(&bytes)
}

pub(super) fn deserialize<'de, T: Plain, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let bytes = ByteBuf::deserialize(deserializer)?;
    let number = |bytes| T::Bytes::try_from(bytes).map(T::from_bytes);
    let numbers: Result<Vec<T>, _> = bytes.chunks(size_of::<T>()).map(number).collect();
    numbers.map_err(|_| D::Error::custom("a number is cut short"))
}

#[cfg(test)]
mod tests {
    use super::super::{ColumnData, Packed};

    #[test]
    fn numbers_come_back_as_they_were() {
        let columns = [
            ColumnData::Ints(vec![0, -1, i64::MIN, i64::MAX]),
            ColumnData::Uints(vec![0, u64::MAX]),
            ColumnData::Floats(vec![0.0, -0.0, f64::MIN_POSITIVE, f64::INFINITY]),
            ColumnData::Texts(Packed { ends: vec![0, 1, 1], data: b"a".to_vec() }),
            ColumnData::Ints(Vec::new()),
        ];
        for column in columns {
            let bytes = postcard::to_stdvec(&column).unwrap();
            assert_eq!(postcard::from_bytes::<ColumnData>(&bytes).unwrap(), column);
        }
    }

    #[test]
    fn a_number_that_is_cut_short_is_an_error() {
        let mut bytes = postcard::to_stdvec(&ColumnData::Ints(vec![7])).unwrap();
        // The kind of column, the length of the block, the block.
        assert_eq!((bytes[1], bytes.len()), (8, 10));
        bytes[1] = 7;
        assert!(postcard::from_bytes::<ColumnData>(&bytes).is_err());
    }
}
