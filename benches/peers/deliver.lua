-- wrk: a delivery of about 1 KiB with a distinct id.
local number = 0
local filler = string.rep("Members of two teams receive the recap twice. ", 10)

function request()
  number = number + 1
  local id = "evt_" .. number
  local body = '{"specversion":"1.0","id":"' .. id .. '","source":"https://onehorizon.ai/workspaces/w_7hd2kp",'
    .. '"type":"onehorizon.task.updated","datacontenttype":"application/json","time":"2026-05-11T08:15:00Z",'
    .. '"workspaceid":"w_7hd2kp","data":{"resource":{"type":"task","id":"tsk_4qm9xt2b","taskId":"tsk_4qm9xt2b"},'
    .. '"actor":{"type":"user","id":"u_3fz8lq"},"task":{"taskId":"tsk_4qm9xt2b","title":"Recap e-mail is sent twice",'
    .. '"status":"planned","description":"' .. filler .. '"}}}'
  return wrk.format("POST", nil, {
    ["content-type"] = "application/cloudevents+json",
    ["x-one-webhook-key"] = "bench-webhook-key-0c93d1",
  }, body)
end
