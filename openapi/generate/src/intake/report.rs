//! The report of an intake: for people (`docs/intake.md`) and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::findings::Finding;
use crate::intake::facts::{Fact, Verdict};

/// What an intake found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// `info.version` of the official document.
    pub version: String,
    /// The version of OpenAPI that it declares.
    pub openapi: String,
    /// Of the file as it came.
    pub sha256: String,
    /// How many facts the document confirms.
    pub confirmed: usize,
    /// How many it contradicts.
    pub refuted: usize,
    /// How many it says nothing of.
    pub silent: usize,
    /// How many the contract did not know.
    pub new: usize,
    /// Each of them.
    pub facts: Vec<Fact>,
    /// Constructs that cannot be expressed; the proposed curation accepts them one by one.
    #[serde(serialize_with = "strings")]
    pub not_expressed: Vec<Finding>,
    /// What a person must decide before the contract is regenerated.
    pub to_decide: Vec<String>,
}

fn strings<S: serde::Serializer>(findings: &[Finding], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(findings.iter().map(ToString::to_string))
}

impl Report {
    /// Does the document leave every fact of the contract as it was, and nothing to decide?
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.refuted == 0 && self.not_expressed.is_empty() && self.to_decide.is_empty()
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# What the official OpenAPI document settled\n\nVersion {} (OpenAPI {}), SHA-256 `{}`.\n\n\
             | verdict | facts |\n| --- | --- |\n| confirmed | {} |\n| refuted | {} |\n| silent | {} |\n| new | {} |\n",
            self.version, self.openapi, self.sha256, self.confirmed, self.refuted, self.silent, self.new
        );
        if !self.to_decide.is_empty() {
            text.push_str("\n## To decide\n\n");
            self.to_decide.iter().for_each(|entry| _ = writeln!(text, "- {entry}"));
        }
        self.table(
            &mut text,
            Verdict::Refuted,
            "Refuted",
            "The contract was wrong here, or the document calls it otherwise.",
        );
        if !self.not_expressed.is_empty() {
            text.push_str(
                "\n## Not expressed\n\nThe generated client does without these; the curation accepts each.\n\n",
            );
            self.not_expressed
                .iter()
                .for_each(|finding| _ = writeln!(text, "- `{}`: {}", finding.pointer(), finding.what()));
        }
        self.table(
            &mut text,
            Verdict::Silent,
            "Silent",
            "The document says nothing of these; they stay as they were marked.",
        );
        self.table(&mut text, Verdict::New, "New", "The contract did not know these.");
        self.table(&mut text, Verdict::Confirmed, "Confirmed", "The contract was right.");
        text
    }

    fn table(&self, text: &mut String, verdict: Verdict, title: &str, about: &str) {
        let facts: Vec<&Fact> = self.facts.iter().filter(|fact| fact.verdict == verdict).collect();
        if facts.is_empty() {
            return;
        }
        let _ = write!(text, "\n## {title} ({})\n\n{about}\n\n", facts.len());
        let _ = writeln!(text, "| fact | contract | document | old mark |\n| --- | --- | --- | --- |");
        for fact in facts {
            let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
            let mark = fact.mark.as_deref().unwrap_or("-");
            let _ =
                writeln!(text, "| {} | {} | {} | {mark} |", cell(&fact.subject), cell(&fact.ours), cell(&fact.theirs));
        }
    }
}
