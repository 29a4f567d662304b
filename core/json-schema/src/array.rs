//! Keywords of arrays (JSON Schema Core 2020-12 sections 10.3.1 and 11.2, Validation section 6.4).

use serde_json::{Map, Value};

use crate::{
    evaluate::{Evaluated, Evaluation, list},
    value::{Place, are_unique},
};

impl Evaluation<'_> {
    pub(crate) fn array(
        &mut self,
        keywords: &Map<String, Value>,
        items: &[Value],
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        let first = keywords.get("prefixItems").map_or(&[][..], list);
        for (index, (schema, item)) in first.iter().zip(items).enumerate() {
            self.item(schema, item, index, place, evaluated);
        }
        if let Some(schema) = keywords.get("items") {
            for (index, item) in items.iter().enumerate().skip(first.len()) {
                self.item(schema, item, index, place, evaluated);
            }
        }
        if let Some(schema) = keywords.get("contains") {
            self.contains(schema, keywords, items, place, evaluated);
        }
        for keyword in ["maxItems", "minItems"] {
            if let Some(argument) = keywords.get(keyword) {
                self.bound(keyword, argument, items.len(), "items", place);
            }
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) && !are_unique(items) {
            self.expect(place, "items that are different".to_owned());
        }
        // Last, for it asks what all others have looked at.
        if self.schema.tracks
            && let Some(schema) = keywords.get("unevaluatedItems")
        {
            for (index, item) in items.iter().enumerate() {
                if !evaluated.has_item(index) {
                    self.item(schema, item, index, place, evaluated);
                }
            }
        }
    }

    fn item(
        &mut self,
        schema: &Value,
        item: &Value,
        index: usize,
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        self.check(schema, item, &Place::Item(place, index));
        if self.schema.tracks {
            evaluated.add_item(index);
        }
    }

    fn contains(
        &mut self,
        schema: &Value,
        keywords: &Map<String, Value>,
        items: &[Value],
        place: &Place<'_>,
        evaluated: &mut Evaluated,
    ) {
        let fits = |(index, item): &(usize, &Value)| {
            self.fits(schema, item, &Place::Item(place, *index)).is_ok()
        };
        let fitting: Vec<_> = items.iter().enumerate().filter(fits).collect();
        let count = fitting.len();
        if self.schema.tracks {
            for (index, _) in fitting {
                evaluated.add_item(index);
            }
        }
        let one = Value::from(1);
        let least = keywords.get("minContains").unwrap_or(&one);
        let of = "items that fit `contains`";
        self.bound("minContains", least, count, of, place);
        if let Some(most) = keywords.get("maxContains") {
            self.bound("maxContains", most, count, of, place);
        }
    }
}
