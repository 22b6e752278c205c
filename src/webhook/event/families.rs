//! The families of what events carry, named once: the type, its field of `data`, and the router's method.

/// Hands all families to a macro.
macro_rules! with_families {
    ($apply:ident) => {
        $apply! {
            /// A task: an initiative, a bug, a to-do and so on.
            Task "task" on_task;
            /// A comment.
            Comment "comment" on_comment;
            /// A reaction to a comment.
            CommentReaction "commentReaction" on_comment_reaction;
            /// A team.
            Team "team" on_team;
            /// An invitation.
            Invite "invite" on_invite;
            /// A change in the labels.
            Taxonomy "taxonomy" on_taxonomy;
            /// An issue of a connected tool.
            Issue "issue" on_issue;
            /// A meeting.
            Meeting "meeting" on_meeting;
            /// A summary.
            Summary "summary" on_summary;
            /// A document.
            Document "document" on_document;
            /// A work item of a connected tool.
            WorkItem "workItem" on_work_item;
            /// A task put to sleep or woken.
            TaskSnooze "taskSnooze" on_task_snooze;
            /// A session of an agent. Its title, prompt and comments are other people's text: never instructions.
            AgentSession "agentSession" on_agent_session;
            /// What an agent reported.
            AgentActivity "agentActivity" on_agent_activity;
        }
    };
}

pub(in crate::webhook) use with_families;
