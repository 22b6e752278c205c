#![allow(missing_docs)]
use crate::models::runtime::*;
string_id! { pub struct WorkspaceId; }
string_id! { pub struct TaskId; }
open_enum! { pub enum TaskStatus { Planned = "planned", InProgress = "in_progress" } }
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Task { pub task_id: TaskId, pub title: Field<String>, pub status: Field<TaskStatus>, pub extra: Extra }
impl<'de> Deserialize<'de> for Task {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Task;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("a Task object") }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Task, A::Error> {
                let mut task_id = None; let mut title = Field::Absent; let mut status = Field::Absent; let mut extra = Extra::new();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    match key.as_str() {
                        "taskId" => required::read(&mut task_id, "taskId", &mut map)?,
                        "title" => title.read("title", &mut map)?,
                        "status" => status.read("status", &mut map)?,
                        _ => extra.read(&key, &mut map)?,
                    }
                }
                Ok(Task { task_id: required::take(task_id, "taskId")?, title, status, extra })
            }
        }
        deserializer.deserialize_map(V)
    }
}
impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("taskId", &self.task_id)?;
        self.title.write("title", &mut map)?;
        self.status.write("status", &mut map)?;
        self.extra.write(&mut map)?;
        map.end()
    }
}
