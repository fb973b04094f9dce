//! Inputs of tool calls that fit the tool's schema, as far as common schemas go.

use serde_json::{Value, json};

use crate::dice::Dice;

/// A value that fits a JSON schema.
pub(super) fn sample(schema: &Value, dice: &mut Dice, depth: usize) -> Value {
    if let Some(choice) = schema.get("enum").and_then(Value::as_array).and_then(|list| list.first())
    {
        return choice.clone();
    }
    let kind = schema.get("type").and_then(Value::as_str);
    match kind {
        Some("string") => json!(["上海", "Lyon", "a short value", "42 Main Street"][dice.below(4)]),
        Some("integer") => json!(1 + dice.below(99)),
        // One decimal that ends in zero: re-serialising would lose it.
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") if depth < 4 => {
            json!([sample(schema.get("items").unwrap_or(&Value::Null), dice, depth + 1)])
        }
        Some("array") => json!([]),
        _ => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let entries = properties.filter(|_| depth < 4).into_iter().flatten();
            entries.map(|(name, schema)| (name.clone(), sample(schema, dice, depth + 1))).collect()
        }
    }
}
