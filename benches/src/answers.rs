//! Answers of the service, the same at every run.

use std::fmt::Write as _;

/// The JSON of a task: 14 members that the contract has and 6 that it has not, 30 % of the whole.
#[must_use]
pub fn task(number: usize) -> String {
    let status = ["planned", "in_progress", "review", "done"][number % 4];
    let kind = ["bug", "idea", "improvement"][number % 3];
    format!(
        concat!(
            r#"{{"taskId":"tsk_{n:08x}","workspaceId":"w_7hd2kp","title":"Recap e-mail number {n} is sent twice","#,
            r#""description":"Members of two teams receive the **Monday recap** once per team. Seen by {n} people; "#,
            r#"the job that sends it starts once for every team.\nExpected: one mail a person, whatever the teams.","#,
            r#""priority":{p},"labels":["mail","recap","team-{p}"],"status":"{status}","scope":"initiative","#,
            r#""kind":"{kind}","visibility":"team","userId":"u_{u:06x}","#,
            r#""estimate":{{"value":{p}.5,"unit":"days","by":{{"userId":"u_{u:06x}"}}}},"#,
            r#""contributors":[{{"userId":"u_{u:06x}","type":"assignee"}},{{"userId":"u_9wc1rn","type":"reviewer"}}],"#,
            r#""externalUrl":"https://tracker.example/browse/OH-{n}","topic":"Recap","isBugFix":true,"archived":false,"#,
            r#""createdAt":"2026-05-11T08:15:00Z","updatedAt":"2026-05-12T16:02:55Z","sortKey":"0|i{n:05x}:"}}"#
        ),
        n = number,
        status = status,
        kind = kind,
        p = number % 5,
        u = number.wrapping_mul(2_654_435_761) % 0x00ff_ffff,
    )
}

/// The JSON of a listing of so many tasks.
#[must_use]
pub fn list(length: usize) -> String {
    let mut text = String::with_capacity(length * 1024);
    text.push_str(r#"{"tasks":["#);
    for number in 0..length {
        let comma = if number == 0 { "" } else { "," };
        write!(text, "{comma}{}", task(number)).unwrap();
    }
    text.push_str("]}");
    text
}
