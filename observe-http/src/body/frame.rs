//! Frames.

use observe_core::Reading;
use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// A frame as an object of metric keys and values.
#[derive(Debug)]
pub(crate) struct Values<'a>(&'a Reading);

impl<'a> Values<'a> {
    pub(super) const fn new(reading: &'a Reading) -> Self {
        Self(reading)
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0.points() {
            map.serialize_entry(&key.to_string(), &value)?;
        }
        map.end()
    }
}

impl PartialSchema for Values<'_> {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Number);
        let object = ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(number));
        object.description(Some("Metric keys and their values.")).into()
    }
}

impl ToSchema for Values<'_> {}
