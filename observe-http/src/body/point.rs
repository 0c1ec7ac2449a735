//! Values in time.

use observe_core::Point;
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ArrayItems, ObjectBuilder, Schema, Type},
    },
};

use crate::time::WireTime;

/// Times and values, oldest first, each written as a list of the two.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Points<T: WireTime>(Vec<(T, f64)>);

impl<T: WireTime> FromIterator<Point> for Points<T> {
    fn from_iter<I: IntoIterator<Item = Point>>(points: I) -> Self {
        Self(points.into_iter().map(|point| (point.timestamp.into(), point.value)).collect())
    }
}

impl<T: WireTime> PartialSchema for Points<T> {
    fn schema() -> RefOr<Schema> {
        let value = ObjectBuilder::new().schema_type(Type::Number).into();
        let pair = ArrayBuilder::new().items(ArrayItems::False).prefix_items([inline(T::schema()), value]);
        ArrayBuilder::new().items(pair).description(Some("Times and values, oldest first.")).into()
    }
}

impl<T: WireTime> ToSchema for Points<T> {}

fn inline(schema: RefOr<Schema>) -> Schema {
    match schema {
        RefOr::T(schema) => schema,
        RefOr::Ref(_) => Schema::default(),
    }
}
