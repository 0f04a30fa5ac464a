//! What a plugin's program says when a person runs it: what it is, its handlers, and how to run it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use plugdock_contracts::describe::{HandlerDescription, HandlerKind, PluginDescription};

use crate::plugin::BuiltPlugin;

/// The exit code of a wrong command line, as shells and many tools use it.
const EXIT_USAGE: u8 = 2;

/// Answers the arguments of a person.
pub(crate) fn main(plugin: &BuiltPlugin, args: &[String]) -> ExitCode {
    let description = plugin.description();
    let (text, code) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["--help" | "-h" | "help"] => (help(plugin), ExitCode::SUCCESS),
        ["--describe"] => (describe(description), ExitCode::SUCCESS),
        ["--version" | "-V"] => (format!("{} {}\n", description.id, description.version), ExitCode::SUCCESS),
        [first, ..] => {
            let text = format!(
                "{}: there is no argument `{}`\n\n{}",
                description.id,
                first.escape_debug(),
                help(plugin)
            );
            drop(std::io::stderr().write_all(text.as_bytes()));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    // A reader that is gone (`| head`) is no error.
    drop(std::io::stdout().write_all(text.as_bytes()));
    code
}

fn describe(description: &PluginDescription) -> String {
    // The description is plain data with text keys: it always has a JSON form.
    let mut text = serde_json::to_string_pretty(description).unwrap_or_default();
    text.push('\n');
    text
}

fn help(plugin: &BuiltPlugin) -> String {
    let description = plugin.description();
    let mut text = format!("{} {}\n", description.id, description.version);
    if !description.about.is_empty() {
        text.push_str(&description.about);
        text.push('\n');
    }
    text.push_str("\nThis is a plugin: a host starts it and calls its handlers.\n\nHandlers:\n");
    for handler in &description.handlers {
        help_handler(&mut text, handler, plugin.is_blocking(&handler.id));
    }
    if description.handlers.is_empty() {
        text.push_str("  (none)\n");
    }
    text.push_str(
        "\nRun a handler:\n  plugdock run <directory with plugin.toml> <handler> --input <JSON>\n\n\
         Options:\n  --describe  print the description as JSON\n  --version   print id and version\n  --help      print this\n",
    );
    text
}

fn help_handler(text: &mut String, handler: &HandlerDescription, is_blocking: bool) {
    let kind = (handler.kind != HandlerKind::Call).then_some(handler.kind.as_str());
    let traits = [
        kind,
        is_blocking.then_some("blocking"),
        handler.concurrent.then_some("concurrent"),
        handler.idempotent.then_some("idempotent"),
    ];
    let traits: Vec<_> = traits.into_iter().flatten().collect();
    let traits = if traits.is_empty() { String::new() } else { format!(" ({})", traits.join(", ")) };
    // Writing to a String never fails.
    let _written = writeln!(text, "  {}{traits}  {}", handler.id, handler.doc);
    for example in &handler.examples {
        let _written = writeln!(text, "      {}: --input '{}'", example.title, example.input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctx::Ctx;
    use crate::handler::HandlerError;
    use crate::plugin::Plugin;
    use crate::stream::Output;

    fn built() -> BuiltPlugin {
        Plugin::new("acme/count", "1.2.3")
            .about("Counts things.")
            .handler("count", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(1))
            .doc("Counts bytes and lines.")
            .example("one file", serde_json::json!({ "path": "a.txt" }))
            .blocking("hash", |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(1))
            .doc("Hashes.")
            .concurrent()
            .stream("lines", async |_ctx: Ctx, (): (), _output: Output| Ok::<_, HandlerError>(1))
            .idempotent()
            .build()
            .unwrap()
    }

    #[test]
    fn the_help_names_handlers_and_how_to_run_them() {
        let text = help(&built());
        for part in [
            "acme/count 1.2.3",
            "Counts things.",
            "  count  Counts bytes",
            "  hash (blocking, concurrent)  Hashes.",
            "  lines (stream, idempotent)",
            r#"--input '{"path":"a.txt"}'"#,
            "plugdock run",
        ] {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
    }

    #[test]
    fn the_description_is_json_that_can_be_read_back() {
        let built = built();
        let text = describe(built.description());
        let read: PluginDescription = serde_json::from_str(&text).unwrap();
        assert_eq!(&read, built.description());
        let said: Vec<_> = read.handlers.iter().map(|of| (of.concurrent, of.idempotent)).collect();
        assert_eq!(said, [(false, false), (true, false), (false, true)]);
    }
}
