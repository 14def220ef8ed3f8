//! The cells of Arrow arrays as JSON values: the same values that the same row has in JSON lines.

use arrow_array::cast::AsArray as _;
use arrow_array::temporal_conversions as temporal;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, StructArray};
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::{Map, Value};

use crate::json;

/// One cell. Fields of structs that are null are absent, since Arrow adds them to rows that never had them. Bytes
/// are text; those that are not UTF-8 are what [`json::no_text`] says. Numbers that JSON has no word for are null, or
/// inside of structs and lists what [`json::number`] says. A type that holds no text and no number is null.
pub(super) fn value(field: &Field, array: &dyn Array, at: usize) -> Value {
    json::finite(of_field(field, array, at))
}

/// Arrow's extension type of text that is JSON. `datasets` has it for columns with values of more than one kind.
const JSON_TEXT: &str = "arrow.json";

fn of_field(field: &Field, array: &dyn Array, at: usize) -> Value {
    let value = nested(array, at);
    let is_json = field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == JSON_TEXT);
    match &value {
        Value::String(text) if is_json => json::parse(text).unwrap_or(value),
        _ => value,
    }
}

fn nested(array: &dyn Array, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(at).into(),
        DataType::Int8 => primitive::<Int8Type>(array, at).into(),
        DataType::Int16 => primitive::<Int16Type>(array, at).into(),
        DataType::Int32 => primitive::<Int32Type>(array, at).into(),
        DataType::Int64 => primitive::<Int64Type>(array, at).into(),
        DataType::UInt8 => primitive::<UInt8Type>(array, at).into(),
        DataType::UInt16 => primitive::<UInt16Type>(array, at).into(),
        DataType::UInt32 => primitive::<UInt32Type>(array, at).into(),
        DataType::UInt64 => primitive::<UInt64Type>(array, at).into(),
        DataType::Float16 => single(primitive::<Float16Type>(array, at).to_f32()),
        DataType::Float32 => single(primitive::<Float32Type>(array, at)),
        DataType::Float64 => double(primitive::<Float64Type>(array, at)),
        DataType::Decimal32(..) => decimal::<Decimal32Type>(array, at),
        DataType::Decimal64(..) => decimal::<Decimal64Type>(array, at),
        DataType::Decimal128(..) => decimal::<Decimal128Type>(array, at),
        DataType::Decimal256(..) => decimal::<Decimal256Type>(array, at),
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(at).into(),
        DataType::Utf8View => array.as_string_view().value(at).into(),
        DataType::Binary => text(array.as_binary::<i32>().value(at)),
        DataType::LargeBinary => text(array.as_binary::<i64>().value(at)),
        DataType::BinaryView => text(array.as_binary_view().value(at)),
        DataType::FixedSizeBinary(_) => text(array.as_fixed_size_binary().value(at)),
        DataType::List(field) => list(field, &array.as_list::<i32>().value(at)),
        DataType::LargeList(field) => list(field, &array.as_list::<i64>().value(at)),
        DataType::ListView(field) => list(field, &array.as_list_view::<i32>().value(at)),
        DataType::LargeListView(field) => list(field, &array.as_list_view::<i64>().value(at)),
        DataType::FixedSizeList(field, _) => list(field, &array.as_fixed_size_list().value(at)),
        DataType::Struct(_) => object(array.as_struct(), at),
        DataType::Map(..) => map(&array.as_map().value(at)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = nested(dictionary.keys(), at).as_u64().and_then(|key| usize::try_from(key).ok());
            key.filter(|&key| key < dictionary.values().len())
                .map_or(Value::Null, |key| nested(dictionary.values(), key))
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => run::<Int16Type>(array, at),
            DataType::Int32 => run::<Int32Type>(array, at),
            _ => run::<Int64Type>(array, at),
        },
        _ => time(array, at).map_or(Value::Null, Value::from),
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &dyn Array, at: usize) -> T::Native {
    array.as_primitive::<T>().value(at)
}

/// A float of 32 bits is the shortest decimal that means it, as its JSON would be.
fn single(value: f32) -> Value {
    value.to_string().parse().map_or(Value::Null, double)
}

fn double(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => number.into(),
        None if value.is_nan() => json::number("NaN"),
        None if value > 0.0 => json::number("Infinity"),
        None => json::number("-Infinity"),
    }
}

fn decimal<T: DecimalType>(array: &dyn Array, at: usize) -> Value {
    let array = array.as_primitive::<T>();
    json::parse(&array.value_as_string(at)).unwrap_or_default()
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => json::no_text(bytes, error.valid_up_to()),
    }
}

fn list(field: &Field, values: &ArrayRef) -> Value {
    (0..values.len()).map(|at| of_field(field, values, at)).collect()
}

fn object(array: &StructArray, at: usize) -> Value {
    let fields = array.fields().iter().zip(array.columns());
    let present = fields.map(|(field, column)| (field.name().clone(), of_field(field, column, at)));
    Value::Object(present.filter(|(_, value)| !value.is_null()).collect())
}

/// The entries of a map; keys that are no text are spelled as such.
fn map(entries: &StructArray) -> Value {
    let (keys, values) = (entries.column(0), entries.column(1));
    let value = |at: usize| of_field(&entries.fields()[1], values, at);
    let entry = |at: usize| match nested(keys, at) {
        Value::String(key) => (key, value(at)),
        key => (key.to_string(), value(at)),
    };
    Value::Object((0..entries.len()).map(entry).collect::<Map<_, _>>())
}

fn run<T: RunEndIndexType>(array: &dyn Array, at: usize) -> Value {
    let run = array.as_run::<T>();
    nested(run.values(), run.get_physical_index(at))
}

/// Dates and times in ISO 8601. With a time zone it is the time in UTC, marked by a `Z`.
fn time(array: &dyn Array, at: usize) -> Option<String> {
    match array.data_type() {
        DataType::Date32 => array.as_primitive::<Date32Type>().value_as_date(at).map(|date| date.to_string()),
        DataType::Date64 => array.as_primitive::<Date64Type>().value_as_date(at).map(|date| date.to_string()),
        DataType::Time32(TimeUnit::Second) => clock::<Time32SecondType>(array, at),
        DataType::Time32(_) => clock::<Time32MillisecondType>(array, at),
        DataType::Time64(TimeUnit::Microsecond) => clock::<Time64MicrosecondType>(array, at),
        DataType::Time64(_) => clock::<Time64NanosecondType>(array, at),
        DataType::Timestamp(unit, zone) => {
            let naive = match unit {
                TimeUnit::Second => {
                    temporal::timestamp_s_to_datetime(primitive::<TimestampSecondType>(array, at))
                }
                TimeUnit::Millisecond => {
                    temporal::timestamp_ms_to_datetime(primitive::<TimestampMillisecondType>(array, at))
                }
                TimeUnit::Microsecond => {
                    temporal::timestamp_us_to_datetime(primitive::<TimestampMicrosecondType>(array, at))
                }
                TimeUnit::Nanosecond => {
                    temporal::timestamp_ns_to_datetime(primitive::<TimestampNanosecondType>(array, at))
                }
            };
            naive.map(|time| format!("{time:?}{}", if zone.is_some() { "Z" } else { "" }))
        }
        _ => None,
    }
}

fn clock<T: arrow_array::types::ArrowTemporalType>(array: &dyn Array, at: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    array.as_primitive::<T>().value_as_time(at).map(|time| time.to_string())
}
