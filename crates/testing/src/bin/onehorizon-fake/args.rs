//! The command line: `--name VALUE`, `--name=VALUE` and switches.

use std::str::FromStr;

use crate::Stop;

#[derive(Debug)]
pub(crate) struct Args {
    left: Vec<String>,
    known: Vec<&'static str>,
}

impl Args {
    pub(crate) fn new(left: Vec<String>) -> Self {
        Self { left, known: Vec::new() }
    }

    /// The command, `serve` when the first argument is an option or missing.
    pub(crate) fn command(&mut self) -> String {
        match self.left.first() {
            Some(first) if !first.starts_with('-') => self.left.remove(0),
            _ => "serve".to_owned(),
        }
    }

    /// The argument after the command.
    pub(crate) fn positional(&mut self, what: &str) -> Result<String, Stop> {
        match self.left.first() {
            Some(first) if !first.starts_with('-') => Ok(self.left.remove(0)),
            _ => Err(Stop::usage(format!("say {what} after the command"))),
        }
    }

    /// The value of an option, if it is there.
    pub(crate) fn value(&mut self, name: &'static str) -> Result<Option<String>, Stop> {
        self.known.push(name);
        let with_value = format!("{name}=");
        let Some(index) = self.left.iter().position(|one| one == name || one.starts_with(&with_value)) else {
            return Ok(None);
        };
        let option = self.left.remove(index);
        let value = match option.strip_prefix(&with_value) {
            Some(value) => value.to_owned(),
            None if self.left.get(index).is_some_and(|next| !next.starts_with("--")) => self.left.remove(index),
            None => return Err(Stop::usage(format!("`{name}` needs a value: see `onehorizon-fake --help`"))),
        };
        if self.left.iter().any(|one| one == name || one.starts_with(&with_value)) {
            return Err(Stop::usage(format!("`{name}` is there twice: give it once")));
        }
        Ok(Some(value))
    }

    /// The value of an option, read as what `what` describes.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &'static str, what: &str) -> Result<Option<T>, Stop> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        value.parse().map(Some).map_err(|_| Stop::usage(format!("`{name} {value}` is not {what}")))
    }

    /// Whether a switch is there.
    pub(crate) fn switch(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        let before = self.left.len();
        self.left.retain(|one| one != name);
        self.left.len() < before
    }

    /// Refuses what nobody asked for.
    pub(crate) fn finish(self) -> Result<(), Stop> {
        let Some(unknown) = self.left.first() else { return Ok(()) };
        let name = unknown.split('=').next().unwrap_or_default();
        let nearest = self.known.iter().map(|known| (distance(name, known), *known)).min();
        let advice = match nearest {
            Some((distance, known)) if distance <= 3 && name.starts_with('-') => format!("did you mean `{known}`?"),
            _ => format!("this command takes {}", self.known.join(", ")),
        };
        Err(Stop::usage(format!("unknown argument `{name}`: {advice} See `onehorizon-fake --help`")))
    }
}

/// How many characters have to change to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((left, up), target) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let changed = left + usize::from(character != *target);
            let inserted = next.last().copied().unwrap_or_default() + 1;
            next.push(changed.min(up + 1).min(inserted));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Args, distance};

    fn args(text: &str) -> Args {
        Args::new(text.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn options_come_with_a_space_or_an_equals_sign() {
        let mut one = args("serve --port 4011 --bind=::1 --once");
        assert_eq!(one.command(), "serve");
        assert_eq!(one.parsed::<u16>("--port", "a port").ok().flatten(), Some(4011));
        assert_eq!(one.value("--bind").ok().flatten().as_deref(), Some("::1"));
        assert!(one.switch("--once") && !one.switch("--more"));
        assert!(one.finish().is_ok());
    }

    #[test]
    fn what_is_wrong_says_what_to_do() {
        let said = |problem: Result<(), super::Stop>| problem.err().map(|stop| stop.message).unwrap_or_default();
        let mut unknown = args("--prot 1");
        let _ = unknown.value("--port");
        assert!(said(unknown.finish()).contains("did you mean `--port`?"));
        assert!(said(args("--port").value("--port").map(drop)).contains("needs a value"));
        assert!(
            said(args("--port x").parsed::<u16>("--port", "a port").map(drop)).contains("`--port x` is not a port")
        );
        assert!(said(args("--port 1 --port 2").value("--port").map(drop)).contains("twice"));
        assert!(said(args("--x").positional("the id").map(drop)).contains("say the id"));
    }

    #[test]
    fn the_distance_counts_changes() {
        assert_eq!((distance("--prot", "--port"), distance("", "abc"), distance("abc", "abc")), (2, 3, 0));
    }
}
