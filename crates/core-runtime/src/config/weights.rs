//! Reads the shares of plugins: a table `{ "acme/a" = 3 }` in a file, the text `acme/a=3,acme/b=1` elsewhere.
//! It checks the ids and the bounds; what a share does is the pool's business.

use std::collections::BTreeMap;

use plugdock_contracts::PluginId;
use plugdock_contracts::document::Cursor;

use super::field::{Refusal, bounded, or_refuse, split, whole_number};
use super::value::ConfigValue;

/// What an entry looks like as text, for people.
const EXAMPLE: &str = "write a plugin id and a number, for example acme/a=3";
/// The same in a file.
const FILE_EXAMPLE: &str = "for example \"acme/a\" = 3";

/// Reads the text.
pub(super) fn parse(text: &str, least: u32, most: u32) -> Result<ConfigValue, Refusal> {
    let mut weights = BTreeMap::new();
    for entry in split(text) {
        let Some((id, weight)) = entry.split_once('=') else {
            return Err(Refusal::new(format!("`{}` has no weight", entry.escape_debug())).help(EXAMPLE));
        };
        let id = plugin_id(id.trim(), EXAMPLE)?;
        let weight =
            bounded(whole_number(weight.trim(), least, most)?, least, most, |weight| weight.to_string())
                .map_err(|refusal| refusal.about(&format!("the weight of `{id}`")))?;
        if weights.insert(id.clone(), weight).is_some() {
            return Err(Refusal::new(format!("`{id}` stands twice")).help("keep one of them"));
        }
    }
    Ok(ConfigValue::Weights(weights))
}

/// Reads the table. Each wrong entry is reported at its own place.
pub(super) fn read(at: &mut Cursor<'_, '_>, least: u32, most: u32) -> Option<ConfigValue> {
    let entries = at.entries(|name, at| {
        let id = or_refuse(plugin_id(name, FILE_EXAMPLE), at)?;
        // As 64 bits, so that what is out of bounds hears the bounds and not a number's width.
        let weight: i64 = at.integer()?;
        let weight = bounded(weight, least.into(), most.into(), |weight| weight.to_string());
        Some((id, or_refuse(weight, at).and_then(|weight| u32::try_from(weight).ok())?))
    })?;
    Some(ConfigValue::Weights(entries.into_iter().collect()))
}

fn plugin_id(text: &str, example: &str) -> Result<PluginId, Refusal> {
    PluginId::new(text).map_err(|error| Refusal::new(error.to_string()).help(example))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, message: &str, help: &str) {
        let refusal = parse(text, 1, 1000).expect_err(text);
        assert_eq!((refusal.message.as_str(), refusal.help.as_deref()), (message, Some(help)), "{text}");
    }

    #[test]
    fn a_text_of_weights_reads_back_equal() {
        for text in ["", "acme/a=3", "acme/a=1000,@acme/b=1"] {
            let weights = parse(text, 1, 1000).unwrap();
            assert_eq!(parse(&weights.to_string(), 1, 1000).unwrap(), weights, "{text}");
        }
        let spaced = parse(" acme/b = 2 , acme/a=3,", 1, 1000).unwrap();
        assert_eq!(spaced.to_string(), "acme/a=3,acme/b=2");
    }

    #[test]
    fn a_wrong_entry_is_named() {
        refused("acme/a=1,acme/b", "`acme/b` has no weight", EXAMPLE);
        refused("acme/a=0", "the weight of `acme/a`: 0 is too small", "between 1 and 1000");
        refused("acme/a=1001", "the weight of `acme/a`: 1001 is too large", "between 1 and 1000");
        refused("acme/a=-1", "`-1` is no whole number", "between 1 and 1000");
        refused("acme/a=x", "`x` is no whole number", "between 1 and 1000");
        refused("acme/a=1,acme/a=2", "`acme/a` stands twice", "keep one of them");
        let no_id = parse("Acme=1", 1, 1000).unwrap_err();
        assert!(no_id.message.starts_with("`Acme` is no plugin id"), "{}", no_id.message);
    }
}
