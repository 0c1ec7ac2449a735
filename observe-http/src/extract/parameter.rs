//! The declaration of one parameter: what it may be, and what the documentation says about it.

use utoipa::openapi::{
    RefOr, Required,
    path::{ParameterBuilder, ParameterIn},
    schema::{ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
};

/// Declares one parameter of a query string. What reads it and what documents it follow from here.
///
/// # Examples
///
/// ```
/// use observe_http::extract::{Parameter, Shape};
///
/// static LIMIT: Parameter = Parameter::new("limit", Shape::Integer { min: 1, max: 1000 }, "The most items.").default("100");
///
/// assert_eq!(LIMIT.name, "limit");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// The name in the query string.
    pub name: &'static str,
    /// What values are taken.
    pub shape: Shape,
    /// One sentence of documentation.
    pub about: &'static str,
    /// What holds when it is absent.
    pub default: Option<&'static str>,
    /// Whether it may not be absent.
    pub is_required: bool,
    /// How often it may be given.
    pub max_count: usize,
}

/// The values that a parameter takes. Complete by what routes need.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Shape {
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A finite number within bounds.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// One of some words, in any case.
    OneOf(fn() -> Vec<&'static str>),
    /// Text of one byte to this many.
    Text {
        /// The most bytes.
        max_bytes: usize,
    },
    /// A time in RFC 3339.
    Time,
}

impl Parameter {
    /// Declares a parameter that may be given once or not at all.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, about, default: None, is_required: false, max_count: 1 }
    }

    /// Sets what holds when it is absent.
    #[must_use]
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Makes it an error to leave it out.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// Lets it be given several times.
    #[must_use]
    pub const fn repeatable(mut self, max_count: usize) -> Self {
        self.max_count = max_count;
        self
    }

    /// Says what a value should have been.
    pub(crate) fn expected(&self) -> String {
        match self.shape {
            Shape::Integer { min, max } => format!("expected a whole number from {min} to {max}"),
            Shape::Number { min, max } => format!("expected a number from {min} to {max}"),
            Shape::OneOf(words) => format!("expected one of: {}", words().join(", ")),
            Shape::Text { max_bytes } => format!("expected 1 to {max_bytes} bytes of text"),
            Shape::Time => "expected a time such as 2024-01-20T12:34:56Z".to_owned(),
        }
    }

    pub(crate) fn documentation(&self, place: ParameterIn) -> utoipa::openapi::path::Parameter {
        let item = self.item_schema();
        let schema = if self.max_count > 1 {
            ArrayBuilder::new().items(item).max_items(Some(self.max_count)).into()
        } else {
            item
        };
        let required = if self.is_required { Required::True } else { Required::False };
        ParameterBuilder::new()
            .name(self.name)
            .parameter_in(place)
            .required(required)
            .description(Some(self.about))
            .schema(Some(schema))
            .build()
    }

    fn item_schema(&self) -> RefOr<Schema> {
        let mut object = ObjectBuilder::new();
        object = match self.shape {
            Shape::Integer { min, max } => {
                object.schema_type(Type::Integer).minimum(Some(min as f64)).maximum(Some(max as f64))
            }
            Shape::Number { min, max } => object.schema_type(Type::Number).minimum(Some(min)).maximum(Some(max)),
            Shape::OneOf(words) => object.schema_type(Type::String).enum_values(Some(words())),
            Shape::Text { max_bytes } => {
                object.schema_type(Type::String).min_length(Some(1)).max_length(Some(max_bytes))
            }
            Shape::Time => {
                object.schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            }
        };
        let default = self.default.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
        object.default(default).into()
    }
}
