//! A plugin's description of itself, with what its manifest asks for.
//! Schemas are shown by `--json`; people get the handlers and how to call them.

use plugdock_contracts::describe::{HandlerDescription, PluginDescription};
use plugdock_contracts::manifest::Manifest;

use super::paint::{Paint, printable};
use super::permission::permissions;

/// The plugin in lines.
pub(crate) fn description(
    plugin: &PluginDescription,
    manifest: &Manifest,
    folder: &str,
    paint: Paint,
) -> String {
    let mut lines = vec![format!("{} {}", paint.strong(plugin.id.as_str()), plugin.version)];
    lines.extend(text(&plugin.about).into_iter().map(|line| format!("  {line}")));
    lines.push(String::new());
    lines.push(paint.strong("handlers"));
    for handler in &plugin.handlers {
        lines.extend(handler_lines(handler, folder, paint));
    }
    lines.push(String::new());
    lines.push(paint.strong("permissions"));
    lines.extend(permissions(&manifest.permissions, paint).into_iter().map(|line| format!("  {line}")));
    lines.push(String::new());
    lines.push(format!("{} {}", paint.strong("isolation"), manifest.min_isolation));
    if !plugin.runtime.is_empty() {
        lines.push(format!("{} {}", paint.strong("runtime"), printable(&plugin.runtime)));
    }
    lines.join("\n")
}

fn handler_lines(handler: &HandlerDescription, folder: &str, paint: Paint) -> Vec<String> {
    let mut lines =
        vec![format!("  {} {}", handler.id, paint.faint(&format!("({})", handler.kind.as_str())))];
    lines.extend(text(&handler.doc).into_iter().map(|line| format!("    {line}")));
    for example in &handler.examples {
        lines.push(paint.faint(&format!("    # {}", printable(&example.title))));
        let input = quoted(&example.input.to_string());
        lines.push(format!("    plugdock run {} {} --input {input}", quoted(folder), handler.id));
    }
    lines
}

fn text(text: &str) -> Vec<String> {
    printable(text).lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use plugdock_contracts::describe::{Example, HandlerKind};
    use plugdock_contracts::{HandlerId, PluginId};

    use super::*;

    #[test]
    fn a_description_says_how_to_call_each_handler() {
        let id = PluginId::new("acme/count").unwrap();
        let version = || "0.1.0".parse().unwrap();
        let manifest = Manifest::new(id.clone(), version());
        let mut plugin = PluginDescription::new(id, version());
        plugin.about = "Count bytes and lines.".into();
        let mut handler = HandlerDescription::new(HandlerId::new("count").unwrap(), HandlerKind::Call);
        handler.doc = "Counts one file.".into();
        handler.examples.push(Example::new("It's a file", serde_json::json!({ "path": "it's" })));
        plugin.handlers.push(handler);
        expect![[r#"
            acme/count 0.1.0
              Count bytes and lines.

            handlers
              count (call)
                Counts one file.
                # It's a file
                plugdock run 'my plugins/count' count --input '{"path":"it'\''s"}'

            permissions
              asks for nothing beyond its workspace

            isolation in-process"#]]
        .assert_eq(&description(&plugin, &manifest, "my plugins/count", Paint(false)));
    }
}
