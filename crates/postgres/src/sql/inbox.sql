-- The inbox: one row for each event, the queue while it is open, the memory of what was seen afterwards.
CREATE TABLE IF NOT EXISTS {s}.inbox (
    scope       text COLLATE "C" NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    event_type  text NOT NULL,
    resource    text COLLATE "C",
    label       text,
    body        text,                                   -- null when done: payloads do not outlive their use
    state       smallint NOT NULL DEFAULT 0,            -- 0 open, 1 done, 2 dead, 3 replaced by a later one
    attempts    int NOT NULL DEFAULT 0,
    visible_at  timestamptz NOT NULL DEFAULT clock_timestamp(),  -- next try, or the end of the lease
    token       text,
    last_error  text,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at     timestamptz,
    PRIMARY KEY (scope, event_id)
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS inbox_open ON {s}.inbox (scope, visible_at) WHERE state = 0;
CREATE INDEX IF NOT EXISTS inbox_resource ON {s}.inbox (scope, resource, seq) WHERE state = 0;
CREATE INDEX IF NOT EXISTS inbox_dead ON {s}.inbox (scope, received_at) WHERE state = 2;
CREATE INDEX IF NOT EXISTS inbox_done ON {s}.inbox (scope, done_at) WHERE state IN (1, 3);

-- true: new; false: seen before. In autocommit or in the caller's transaction.
CREATE OR REPLACE FUNCTION {s}.inbox_put_v1(
    p_scope text, p_id text, p_type text, p_resource text, p_label text, p_body text
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO {s}.inbox (scope, event_id, event_type, resource, label, body)
    VALUES (p_scope, p_id, p_type, p_resource, p_label, p_body) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- Takes up to so many events that are due. p_order: 0 none, 1 one at a time for each resource and in the order in which
-- they came, 2 the latest of each resource only.
CREATE OR REPLACE FUNCTION {s}.inbox_take_v1(p_scope text, p_most int, p_lease double precision, p_token text, p_order int)
RETURNS TABLE (event_id text, label text, body text, attempts int, received double precision)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF p_order = 2 THEN
        UPDATE {s}.inbox i SET state = 3, done_at = clock_timestamp(), body = NULL
        WHERE i.scope = p_scope AND i.state = 0 AND i.visible_at <= clock_timestamp() AND EXISTS (
            SELECT FROM {s}.inbox later WHERE later.scope = p_scope AND later.state = 0
              AND later.resource = i.resource AND later.seq > i.seq);
    END IF;
    IF p_order > 0 THEN
        -- Two that take at the same time must see what the other has taken.
        PERFORM pg_advisory_xact_lock(hashtextextended('onehorizon inbox ' || p_scope, 0));
    END IF;
    RETURN QUERY
    UPDATE {s}.inbox i SET token = p_token, attempts = i.attempts + 1,
        visible_at = clock_timestamp() + make_interval(secs => p_lease)
    FROM (
        SELECT o.event_id FROM {s}.inbox o
        WHERE o.scope = p_scope AND o.state = 0 AND o.visible_at <= clock_timestamp()
          AND (p_order = 0 OR o.resource IS NULL OR NOT EXISTS (
            SELECT FROM {s}.inbox e WHERE e.scope = p_scope AND e.state = 0 AND e.resource = o.resource AND e.seq < o.seq))
        ORDER BY o.visible_at, o.seq LIMIT p_most FOR UPDATE SKIP LOCKED
    ) due
    WHERE i.scope = p_scope AND i.event_id = due.event_id
    RETURNING i.event_id, i.label, i.body, i.attempts, extract(epoch FROM i.received_at)::double precision;
END $$;

-- true: done; false: somebody else has taken it since. In the caller's transaction the work and the mark become one.
CREATE OR REPLACE FUNCTION {s}.inbox_done_v1(p_scope text, p_id text, p_token text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE {s}.inbox SET state = 1, done_at = clock_timestamp(), body = NULL, last_error = NULL
    WHERE scope = p_scope AND event_id = p_id AND token = p_token AND state = 0;
    RETURN FOUND;
END $$;

-- 0 to be tried again, 1 dead, 2 somebody else has taken it since.
CREATE OR REPLACE FUNCTION {s}.inbox_retry_v1(
    p_scope text, p_id text, p_token text, p_delay double precision, p_most int, p_error text
) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE now_dead boolean;
BEGIN
    UPDATE {s}.inbox SET last_error = left(p_error, 2000), token = NULL,
        state = CASE WHEN attempts >= p_most THEN 2 ELSE 0 END,
        visible_at = clock_timestamp() + make_interval(secs => p_delay)
    WHERE scope = p_scope AND event_id = p_id AND token = p_token AND state = 0
    RETURNING state = 2 INTO now_dead;
    RETURN CASE WHEN NOT FOUND THEN 2 WHEN now_dead THEN 1 ELSE 0 END;
END $$;

CREATE OR REPLACE FUNCTION {s}.inbox_extend_v1(p_scope text, p_id text, p_token text, p_lease double precision) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE {s}.inbox SET visible_at = clock_timestamp() + make_interval(secs => p_lease)
    WHERE scope = p_scope AND event_id = p_id AND token = p_token AND state = 0;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION {s}.inbox_requeue_v1(p_scope text, p_id text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE {s}.inbox SET state = 0, attempts = 0, visible_at = clock_timestamp(), token = NULL
    WHERE scope = p_scope AND event_id = p_id AND state = 2;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION {s}.inbox_stats_v1(p_scope text)
RETURNS TABLE (due bigint, waiting bigint, dead bigint, oldest double precision) LANGUAGE sql STABLE AS $$
    SELECT count(*) FILTER (WHERE state = 0 AND visible_at <= clock_timestamp()),
           count(*) FILTER (WHERE state = 0 AND visible_at > clock_timestamp()),
           count(*) FILTER (WHERE state = 2),
           coalesce(extract(epoch FROM clock_timestamp() - min(received_at) FILTER (WHERE state = 0)), 0)::double precision
    FROM {s}.inbox WHERE scope = p_scope AND state IN (0, 2);
$$;

CREATE OR REPLACE FUNCTION {s}.inbox_clean_v1(p_scope text, p_age double precision, p_most int) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM {s}.inbox WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {s}.inbox WHERE scope = p_scope AND state IN (1, 3)
              AND done_at < clock_timestamp() - make_interval(secs => p_age)
            LIMIT p_most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone;
$$;
