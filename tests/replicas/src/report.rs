//! What a scenario measured, and the targets that it missed.

use std::fmt::Display;

#[derive(Debug, Default)]
pub struct Report {
    missed: Vec<String>,
}

impl Report {
    /// Prints a line of results; each target that does not hold is marked and counted.
    pub fn line(&mut self, what: impl Display, targets: &[(bool, String)]) {
        let mut line = what.to_string();
        for (_, target) in targets.iter().filter(|(holds, _)| !holds) {
            line.push_str(&format!("   MISSED: {target}"));
            self.missed.push(format!("{what}: {target}"));
        }
        println!("   {line}");
    }

    pub fn miss(&mut self, what: impl Display) {
        println!("   MISSED: {what}");
        self.missed.push(what.to_string());
    }

    pub fn missed(&self) -> &[String] {
        &self.missed
    }
}
