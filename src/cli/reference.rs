//! `docs/reference/cli.md`, from clap's definition: every command with its options, as `--help` has them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::args::Arguments;

/// The page, in Markdown.
pub fn render() -> String {
    let mut root = Arguments::command();
    root.build();
    let mut page = String::from(
        "<!-- Generated from src/cli/args.rs by `make generate`: do not edit. -->\n\
         # Command line\n\n\
         `directory-sync COMMAND --help` shows the same.\n\n\
         | exit code | meaning |\n| --- | --- |\n\
         | 0 | There was nothing to do, or all was done. |\n\
         | 1 | An error, something failed on its own, or the directory could not be read whole and removals wait. |\n\
         | 2 | Changes are planned, or a plan is held. |\n\
         | 64 | Wrong usage. |\n\n\
         What `-o json` and `-o yaml` write is a contract: see [Reports](report.md).\n\n\
         Results go to standard output, messages, logs and the progress bar to standard error. Colours and the bar are for terminals only; \
         `NO_COLOR` switches colours off.\n\n\
         Options of every command:\n\n",
    );
    table(
        &mut page,
        root.get_arguments().filter(|argument| argument.is_global_set()),
    );
    for command in root.get_subcommands() {
        section(&mut page, "directory-sync", command);
    }
    page
}

fn section(page: &mut String, parent: &str, command: &Command) {
    if command.get_name() == "help" {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_long_about().or(command.get_about());
    if command.has_subcommands() {
        command.get_subcommands().for_each(|inner| section(page, &name, inner));
        return;
    }
    // Writing to a String can't fail.
    let _ = writeln!(
        page,
        "\n## `{name}`\n\n{}.",
        about.map(ToString::to_string).unwrap_or_default()
    );
    let mut own = command
        .get_arguments()
        .filter(|argument| !argument.is_global_set() && !is_help(argument))
        .peekable();
    if own.peek().is_some() {
        page.push('\n');
        table(page, own);
    }
    if let Some(text) = command.get_after_help() {
        let text = text.to_string();
        let (title, lines) = text.split_once('\n').unwrap_or(("", &text));
        let lines: Vec<_> = lines.lines().map(str::trim).collect();
        let _ = writeln!(page, "\n{title}\n\n```text\n{}\n```", lines.join("\n"));
    }
}

fn is_help(argument: &Arg) -> bool {
    matches!(
        argument.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    )
}

fn table<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| option | meaning |\n| --- | --- |\n");
    for argument in arguments {
        let _ = writeln!(
            page,
            "| `{}` | {} |",
            written(argument),
            meaning(argument).replace('|', "\\|")
        );
    }
}

/// `-f, --filename FILE|DIR`.
fn written(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let mut text = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if argument.get_action().takes_values() {
        for name in argument.get_value_names().unwrap_or_default() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(name);
        }
    }
    text.replace('|', "\\|")
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    if !text.ends_with('.') {
        text.push('.');
    }
    if argument.is_required_set() {
        text.push_str(" Required.");
    }
    let takes_values = argument.get_action().takes_values();
    let possible: Vec<_> = argument
        .get_possible_values()
        .iter()
        .filter(|value| takes_values && !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !possible.is_empty() {
        let _ = write!(text, " One of {}.", possible.join(", "));
    }
    let default: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes_values && !default.is_empty() {
        let _ = write!(text, " Default: `{}`.", default.join(" "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(text, " Environment: `{}`.", variable.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn every_example_of_the_help_can_be_typed() {
        let mut root = Arguments::command();
        root.build();
        let mut commands: Vec<_> = root.get_subcommands().collect();
        let mut examples = 0;
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands());
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let typed = text.replace("\\\n", " ");
            for part in typed.split(['\n', '|', '>', '<']).map(str::trim) {
                if part.starts_with("directory-sync ") {
                    let words = part.split_whitespace().map(|word| word.trim_matches('\''));
                    Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{part}: {error}"));
                    examples += 1;
                }
            }
        }
        assert!(examples > 10, "{examples}");
    }

    #[test]
    fn the_page_has_every_command_and_every_option() {
        let page = render();
        let mut root = Arguments::command();
        root.build();
        let mut commands: Vec<_> = root
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
            .collect();
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().filter(|inner| inner.get_name() != "help"));
            if !command.has_subcommands() {
                assert!(
                    page.contains(&format!(" {}`\n", command.get_name())),
                    "{}",
                    command.get_name()
                );
            }
            for argument in command.get_arguments().filter(|argument| !is_help(argument)) {
                assert!(page.contains(&written(argument)), "{}", argument.get_id());
            }
        }
        assert!(page.contains("| `-f, --filename FILE\\|DIR` |") && page.contains("Default: `table`."));
    }
}
