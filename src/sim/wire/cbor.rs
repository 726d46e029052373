//! CBOR as smithy's RPC v2 has it: documents as JSON knows them, and moments with their tag.

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;
use serde_json::{Map, Value};

/// How deep a document may be.
const DEEPEST: u32 = 16;

/// Reads a document; `None` when it is none.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    value(&mut Decoder::new(bytes), DEEPEST).ok()
}

fn value(from: &mut Decoder<'_>, depth: u32) -> Result<Value, DeserializeError> {
    if depth == 0 {
        return Err(DeserializeError::custom("nested too deeply", from.position()));
    }
    Ok(match from.datatype()? {
        Type::Bool => from.boolean()?.into(),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            from.long()?.into()
        }
        Type::F16 | Type::F32 | Type::F64 => from.double()?.into(),
        Type::String | Type::StringIndef => from.string()?.into(),
        Type::Array | Type::ArrayIndef => {
            let count = from.list()?;
            let mut items = Vec::new();
            while more(from, count, items.len())? {
                items.push(value(from, depth - 1)?);
            }
            Value::Array(items)
        }
        Type::Map | Type::MapIndef => {
            let count = from.map()?;
            let mut fields = Map::new();
            let mut read = 0;
            while more(from, count, read)? {
                let name = from.string()?;
                fields.insert(name, value(from, depth - 1)?);
                read += 1;
            }
            Value::Object(fields)
        }
        Type::Tag => from.timestamp()?.secs().into(),
        Type::Null
        | Type::Undefined
        | Type::Int
        | Type::Simple
        | Type::Bytes
        | Type::BytesIndef
        | Type::Break
        | Type::Unknown(_) => {
            from.skip()?;
            Value::Null
        }
    })
}

/// Whether more follows; what has no count ends with a mark, which is read.
fn more(from: &mut Decoder<'_>, count: Option<u64>, read: usize) -> Result<bool, DeserializeError> {
    match count {
        Some(count) => Ok((read as u64) < count),
        None if from.datatype()? == Type::Break => from.skip().map(|()| false),
        None => Ok(true),
    }
}

/// Whether a field of that name holds a moment, in seconds since 1970: so AWS names them.
pub(super) fn is_moment(name: &str) -> bool {
    name.ends_with("Timestamp")
}

/// Writes a document.
pub(super) fn write(document: &Value) -> Vec<u8> {
    let mut to = Encoder::new(Vec::new());
    put(&mut to, "", document);
    to.into_writer()
}

fn put(to: &mut Encoder, name: &str, value: &Value) {
    match value {
        Value::Null => {
            to.null();
        }
        Value::Bool(flag) => {
            to.boolean(*flag);
        }
        Value::Number(number) => match (number.as_f64(), number.as_i64()) {
            (Some(seconds), _) if is_moment(name) => {
                to.timestamp(&DateTime::from_secs_f64(seconds));
            }
            (_, Some(whole)) => {
                to.long(whole);
            }
            (Some(broken), None) => {
                to.double(broken);
            }
            (None, None) => {
                to.null();
            }
        },
        Value::String(text) => {
            to.str(text);
        }
        Value::Array(items) => {
            to.array(items.len());
            for item in items {
                put(to, name, item);
            }
        }
        Value::Object(fields) => {
            to.map(fields.len());
            for (name, value) in fields {
                to.str(name);
                put(to, name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let document = json!({
            "AlarmNames": ["a", "b"], "MaxRecords": 5, "Threshold": 0.5, "Nothing": null, "Yes": true,
            "Inner": { "Low": -3, "StateUpdatedTimestamp": 1_800_000_000 },
        });
        assert_eq!(read(&write(&document)), Some(document));
    }

    #[test]
    fn what_has_no_count_ends_with_a_mark() {
        let mut to = Encoder::new(Vec::new());
        to.begin_map().str("Names").begin_array().str("a").str("b").end().str("Size").integer(7).end();
        assert_eq!(read(&to.into_writer()), Some(json!({ "Names": ["a", "b"], "Size": 7 })));
    }

    #[test]
    fn nonsense_is_no_document_and_does_no_harm() {
        let deep = [0x81; 200];
        assert_eq!((read(b""), read(&[0xbf, 0x61]), read(&deep)), (None, None, None));
        // A count beyond what is there must not make room for it.
        assert_eq!(read(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
