//! `cargo generate [--check]`: turns the contract and its curation into `src/generated` two pages of `docs`, and the tests' list of models.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use onehorizon_generate::{Error, Input, IntakeInput, Mode, Output, check, generate, intake, methods, remerge, rules};

const USAGE: &str = "\
cargo generate            write src/generated, docs/retry-safety.md, docs/evidence.md and tests/support/models.rs from openapi/
cargo generate --check    write nothing; print the differences, exit 1 if there are any

When the official document appears (openapi/README.md):
  --intake FILE           compare FILE (JSON or YAML; 3.0, 3.1 or 3.2) with the contract and print the report;
                          exit 0 if every fact stands and nothing is to be decided, 1 if not, 2 if FILE cannot be read
  --json                  print the report as JSON
  --root DIRECTORY        the repository to read and write, instead of this one
  --write                 take it in: document, overlay, contract, curation, report and generated code, all or nothing

For a foreign document:
  --document FILE         the OpenAPI document (JSON or YAML; 3.0, 3.1 or 3.2)
  --out DIRECTORY         where the code goes; files of other names there are removed
  --curation FILE         optional
  --lenient               list what cannot be expressed instead of failing
";

/// Schemas nest: a deep document needs a deep stack, not an abort.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let work = std::thread::Builder::new().stack_size(STACK).spawn(move || run(arguments.into_iter()));
    let result = match work.map(std::thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        // What the thread died of is on the standard error output already.
        Ok(Err(_)) => Err("a mistake of the generator; nothing was written".to_owned()),
        Err(error) => Err(format!("no thread to work in: {error}")),
    };
    result.unwrap_or_else(|message| {
        eprintln!("{message}");
        ExitCode::from(2)
    })
}

/// What the command line says.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag of the command line")]
struct Arguments {
    check: bool,
    lenient: bool,
    help: bool,
    json: bool,
    write: bool,
    intake: Option<PathBuf>,
    root: Option<PathBuf>,
    document: Option<PathBuf>,
    curation: Option<PathBuf>,
    out: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut rest: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = Self::default();
        while let Some(argument) = rest.next() {
            let mut file = || {
                rest.next().map(PathBuf::from).ok_or_else(|| format!("{} needs a path\n\n{USAGE}", argument.display()))
            };
            match argument.to_str() {
                Some("--check") => arguments.check = true,
                Some("--lenient") => arguments.lenient = true,
                Some("--help" | "-h") => arguments.help = true,
                Some("--json") => arguments.json = true,
                Some("--write") => arguments.write = true,
                Some("--intake") => arguments.intake = Some(file()?),
                Some("--root") => arguments.root = Some(file()?),
                Some("--document") => arguments.document = Some(file()?),
                Some("--curation") => arguments.curation = Some(file()?),
                Some("--out") => arguments.out = Some(file()?),
                _ => return Err(format!("unknown argument {}\n\n{USAGE}", argument.display())),
            }
        }
        if arguments.document.is_some() != arguments.out.is_some() {
            return Err(format!("--document and --out belong together\n\n{USAGE}"));
        }
        if arguments.intake.is_none() && (arguments.json || arguments.write) {
            return Err(format!("--json and --write belong to --intake\n\n{USAGE}"));
        }
        if arguments.intake.is_some() && (arguments.document.is_some() || arguments.check || arguments.lenient) {
            return Err(format!("--intake stands alone, or with --curation, --json and --write\n\n{USAGE}"));
        }
        Ok(arguments)
    }

    /// The repository; without another one, that which this program was built in.
    fn root(&self) -> PathBuf {
        let built_in = || {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            here.ancestors().nth(2).unwrap_or(here).to_owned()
        };
        self.root.clone().unwrap_or_else(built_in)
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let arguments = Arguments::parse(arguments)?;
    if arguments.help {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(official) = &arguments.intake {
        return take_in(official, &arguments).map_err(|error| error.to_string());
    }
    let job = Job::new(&arguments);
    job.run(&arguments).map_err(|error| error.to_string())
}

/// What is read and where the output goes.
struct Job {
    document: PathBuf,
    curation: Option<PathBuf>,
    out: PathBuf,
    /// Where the generated pages and the list of models go; only the contract has them.
    root: Option<PathBuf>,
    source: String,
}

impl Job {
    fn new(arguments: &Arguments) -> Self {
        if let (Some(document), Some(out)) = (&arguments.document, &arguments.out) {
            let source = document.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Self {
                document: document.clone(),
                curation: arguments.curation.clone(),
                out: out.clone(),
                root: None,
                source,
            };
        }
        let root = arguments.root();
        Self {
            document: root.join("openapi/onehorizon.json"),
            curation: Some(arguments.curation.clone().unwrap_or_else(|| root.join("openapi/curation.toml"))),
            out: root.join("src/generated"),
            source: "openapi/onehorizon.json".to_owned(),
            root: Some(root),
        }
    }

    fn run(&self, arguments: &Arguments) -> Result<ExitCode, Error> {
        let merged = self.merged(&arguments.root())?;
        // The rules are those of a reading of our own; the official document has its own style.
        let is_ours = merged.is_none() && self.root.is_some();
        let document = merged.map_or_else(|| read(&self.document), Ok)?;
        let curation = self.curation.as_deref().map(read).transpose()?.unwrap_or_default();
        if is_ours {
            let broken = rules::broken(&document, &curation)?;
            if !broken.is_empty() {
                println!("{}\n{} rule(s) of the contract are broken", broken.join("\n"), broken.len());
                return Ok(ExitCode::FAILURE);
            }
        }
        let mode = if arguments.lenient { Mode::Lenient } else { Mode::Strict };
        let output = generate(&Input {
            document: &document,
            curation: &curation,
            source: &self.source,
            mode,
            written: &methods(&arguments.root().join("src/apis"))?,
        })?;
        for finding in &output.findings {
            println!("{finding}");
        }
        let mut files = self.files(&output);
        if self.root.is_some() {
            // After an intake the contract is made of the official document and the overlay.
            files.insert(self.document.clone(), document);
        }
        if arguments.check {
            let differences = check::compare(&self.out, &files)?;
            print!("{}", check::report(&differences));
            if differences.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            println!("{} file(s) are stale: run `cargo generate`", differences.len());
            return Ok(ExitCode::FAILURE);
        }
        let touched = check::write(&self.out, &files)?;
        println!(
            "{} operations, {} models, {} findings; {} files, {touched} of them touched",
            output.operations,
            output.models,
            output.findings.len(),
            files.len()
        );
        Ok(ExitCode::SUCCESS)
    }

    /// The contract as the official document and the overlay give it, once one was taken in.
    fn merged(&self, root: &Path) -> Result<Option<String>, Error> {
        let openapi = root.join("openapi");
        let lock = openapi.join("official.lock.json");
        if self.root.is_none() || !lock.exists() {
            return Ok(None);
        }
        let official = ["official.json", "official.yaml"].map(|name| openapi.join(name));
        let official = official.iter().find(|path| path.exists()).unwrap_or(&lock);
        remerge(&read(official)?, &read(&lock)?, &read(&openapi.join("overlay.json"))?).map(Some)
    }

    fn files(&self, output: &Output) -> BTreeMap<PathBuf, String> {
        let emitted = output.files.iter().map(|(path, text)| (self.out.join(path), text.clone()));
        let pages = self.root.iter().flat_map(|root| {
            [
                ("docs/retry-safety.md", &output.retry_safety),
                ("docs/evidence.md", &output.evidence),
                ("tests/support/models.rs", &output.model_list),
            ]
            .map(|(name, text)| (root.join(name), text.clone()))
        });
        emitted.chain(pages).collect()
    }
}

/// Compares the official document with the contract, and with `--write` takes it in.
fn take_in(official: &Path, arguments: &Arguments) -> Result<ExitCode, Error> {
    let root = arguments.root();
    let job = Job::new(arguments);
    let text = read(official)?;
    let curation = job.curation.as_deref().map(read).transpose()?.unwrap_or_default();
    let written = methods(&root.join("src/apis"))?;
    // A later document is compared with our own reading again, not with what the last one made of it.
    let [own, own_curation] = ["openapi/own.json", "openapi/own.toml"].map(|name| root.join(name));
    let contract = read(if own.exists() { &own } else { &job.document })?;
    let found = intake(&IntakeInput { official: &text, contract: &contract, curation: &curation, written: &written })?;
    let report = if arguments.json { found.report.json() } else { found.report.markdown() };
    if arguments.write {
        let output = generate(&Input {
            document: &found.merged,
            curation: &found.curation,
            source: &job.source,
            mode: Mode::Strict,
            written: &written,
        })?;
        let openapi = root.join("openapi");
        let mut files = job.files(&output);
        files.insert(own, contract);
        if !own_curation.exists() {
            files.insert(own_curation, curation);
        }
        files.insert(openapi.join(found.kept_as), text);
        files.insert(openapi.join("official.lock.json"), found.lock);
        files.insert(openapi.join("overlay.json"), found.overlay);
        files.insert(openapi.join("onehorizon.json"), found.merged);
        files.insert(openapi.join("curation.toml"), found.curation);
        files.insert(openapi.join("intake.json"), found.report.json());
        files.insert(root.join("docs/intake.md"), found.report.markdown());
        let touched = check::write(&job.out, &files)?;
        eprintln!("taken in: {touched} files written");
    }
    print!("{report}");
    Ok(if found.report.is_settled() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> Result<String, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    onehorizon_generate::text(&bytes).map(str::to_owned)
}
