//! Random objects and random changes, against an oracle over trees that knows only the table of semantics.

use fastrand::Rng;
use onehorizon::models::{Field, Presence, Task, TaskKind, TaskScope, TaskStatus, TaskVisibility};
use support::mutate::Tree;

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Needed,
    Text,
    List,
    Enum,
    Opt,
    OptTime,
    Bool,
}
const FIELDS: [(&str, Sort); 16] = [
    ("taskId", Sort::Needed),
    ("workspaceId", Sort::OptTime),
    ("title", Sort::Text),
    ("description", Sort::Opt),
    ("status", Sort::Enum),
    ("scope", Sort::Enum),
    ("kind", Sort::Enum),
    ("visibility", Sort::Enum),
    ("userId", Sort::OptTime),
    ("contributors", Sort::List),
    ("topic", Sort::Opt),
    ("completedAt", Sort::OptTime),
    ("isNewFeature", Sort::Bool),
    ("isBugFix", Sort::Bool),
    ("createdAt", Sort::OptTime),
    ("updatedAt", Sort::OptTime),
];
const STRINGS: [&str; 8] = [
    "",
    "a",
    "planned",
    "in_progress",
    "null",
    "\u{e9}\n\"q\" \\ \u{1}",
    "a longer text that fits into no inline place at all",
    "2026-05-11T08:15:00Z",
];
const RAW: [&str; 9] =
    ["null", "1e400", "-0.0", "0.10", "123456789012345678901234567890", "[1,{\"a\":null}]", "{}", "\"\"", "true"];

fn text(r: &mut Rng) -> Tree {
    Tree::text(STRINGS[r.usize(..STRINGS.len())])
}
fn unknown(r: &mut Rng, fields: &mut Vec<(String, Tree)>) {
    for n in 0..r.usize(..4) {
        fields.insert(
            r.usize(..=fields.len()),
            (format!("{}{n}", ["x", "title_", "", "q\"\\"][r.usize(..4)]), Tree::raw(RAW[r.usize(..RAW.len())])),
        );
    }
}
fn contributor(r: &mut Rng) -> Tree {
    let mut m = vec![("userId".to_owned(), text(r))];
    match r.u8(..3) {
        0 => m.push(("type".into(), Tree::raw("null"))),
        1 => m.push(("type".into(), text(r))),
        _ => {}
    }
    unknown(r, &mut m);
    Tree::Object(m)
}
fn value(sort: Sort, r: &mut Rng) -> Tree {
    match sort {
        Sort::Bool => Tree::raw(["true", "false"][r.usize(..2)]),
        Sort::List => Tree::Array((0..r.usize(..3)).map(|_| contributor(r)).collect()),
        _ => text(r),
    }
}
fn object(r: &mut Rng) -> Tree {
    let mut m = Vec::new();
    for (name, sort) in FIELDS {
        match r.u8(..3) {
            0 if sort != Sort::Needed => {}
            1 if sort != Sort::Needed => m.push((name.to_owned(), Tree::raw("null"))),
            _ => m.push((name.to_owned(), value(sort, r))),
        }
    }
    r.shuffle(&mut m);
    unknown(r, &mut m);
    Tree::Object(m)
}
fn get<'a>(t: &'a Tree, name: &str) -> Option<&'a Tree> {
    let Tree::Object(m) = t else { panic!() };
    m.iter().find(|(n, _)| n == name).map(|(_, v)| v)
}
fn set(t: &mut Tree, name: &str, v: Option<Tree>) {
    let Tree::Object(m) = t else { panic!() };
    m.retain(|(n, _)| n != name);
    if let Some(v) = v {
        m.push((name.to_owned(), v));
    }
}

macro_rules! assign { ($task:ident, $name:expr, $text:expr; $($wire:literal $field:ident)*) => { match $name { $($wire => $task.$field = serde_json::from_str($text).unwrap(),)* _ => unreachable!() } } }
fn assign(task: &mut Task, name: &str, json: &str) {
    assign!(task, name, json; "taskId" task_id "workspaceId" workspace_id "title" title "description" description "status" status "scope" scope "kind" kind
        "visibility" visibility "userId" user_id "contributors" contributors "topic" topic "completedAt" completed_at "isNewFeature" is_new_feature
        "isBugFix" is_bug_fix
        "createdAt" created_at "updatedAt" updated_at);
}
fn empty(task: &mut Task, name: &str) {
    match name {
        "title" => task.title = String::new(),
        "contributors" => task.contributors = vec![],
        "status" => task.status = TaskStatus::Unset,
        "scope" => task.scope = TaskScope::Unset,
        "kind" => task.kind = TaskKind::Unset,
        "visibility" => task.visibility = TaskVisibility::Unset,
        _ => assign(task, name, "null"),
    }
}

fn named(name: &str) -> Field<Task> {
    [
        Task::WORKSPACE_ID,
        Task::TITLE,
        Task::DESCRIPTION,
        Task::STATUS,
        Task::SCOPE,
        Task::KIND,
        Task::VISIBILITY,
        Task::USER_ID,
        Task::CONTRIBUTORS,
        Task::TOPIC,
        Task::COMPLETED_AT,
        Task::IS_NEW_FEATURE,
        Task::IS_BUG_FIX,
        Task::CREATED_AT,
        Task::UPDATED_AT,
    ]
    .into_iter()
    .find(|field| field.name() == name)
    .unwrap()
}

#[test]
fn random_objects_come_back_and_random_changes_do_what_the_table_says() {
    let (mut changes, mut seen) = (0usize, 0usize);
    for seed in 0..5_000 {
        let mut r = Rng::with_seed(seed);
        let before = object(&mut r);
        let json = before.to_string();
        let mut task: Task = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
        let back = serde_json::to_string(&task).unwrap();
        assert!(Tree::parse(&json).same(&Tree::parse(&back)), "{json}\n{back}");
        if seed % 4 == 0 {
            let again: Task = serde_json::from_reader(json.as_bytes()).unwrap();
            assert_eq!(serde_json::to_string(&again).unwrap(), back);
            assert_eq!(again, task);
        }
        for (name, _) in FIELDS.into_iter().skip(1) {
            let expected = match get(&before, name) {
                None => Presence::Absent,
                Some(Tree::Raw(raw)) if raw == "null" => Presence::Null,
                _ => Presence::Value,
            };
            assert_eq!(task.presence(named(name)), expected);
            seen += 1;
        }
        let mut expected = before.clone();
        for _ in 0..r.usize(..6) {
            let (name, sort) = FIELDS[r.usize(..FIELDS.len())];
            let now = get(&expected, name).cloned();
            let first = get(&before, name).cloned();
            let null = |t: &Tree| matches!(t, Tree::Raw(raw) if raw == "null");
            changes += 1;
            match r.u8(..5) {
                // A field is changed at most once here, so that the record is what arrived.
                _ if now.as_ref().map(ToString::to_string) != first.as_ref().map(ToString::to_string) => changes -= 1,
                0 | 1 => {
                    let v = value(sort, &mut r);
                    assign(&mut task, name, &v.to_string());
                    let nothing = matches!((&v, sort), (Tree::Text(t), Sort::Text) if t.is_empty())
                        || matches!(&v, Tree::Array(items) if items.is_empty());
                    if !nothing || now.as_ref().is_some_and(|n| !null(n)) {
                        set(&mut expected, name, Some(v));
                    }
                }
                2 if sort != Sort::Needed => {
                    empty(&mut task, name);
                    match (now, sort) {
                        (None, _) => {}
                        (Some(n), _) if null(&n) => {}
                        (Some(_), Sort::Text) => set(&mut expected, name, Some(Tree::text(""))),
                        (Some(_), Sort::List) => set(&mut expected, name, Some(Tree::Array(vec![]))),
                        _ => set(&mut expected, name, Some(Tree::raw("null"))),
                    }
                }
                3 if sort != Sort::Needed => {
                    task.clear(named(name));
                    set(&mut expected, name, Some(Tree::raw("null")));
                }
                4 if sort != Sort::Needed => {
                    task.omit(named(name));
                    set(&mut expected, name, None);
                }
                _ => changes -= 1,
            }
        }
        let after = serde_json::to_string(&task).unwrap();
        let expected = Tree::parse(&expected.to_string());
        assert!(expected.same(&Tree::parse(&after)), "seed {seed}\n{json}\n{expected}\n{after}");
        // what was written reads as what it was
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Task>(&after).unwrap()).unwrap(), after);
    }
    println!("{changes} changes, {seen} presences");
}
