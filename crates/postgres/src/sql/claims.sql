-- Claimed and finished webhook events.
CREATE TABLE IF NOT EXISTS {s}.event (
    scope        text COLLATE "C" NOT NULL,
    event_id     text COLLATE "C" NOT NULL,
    token        text NOT NULL,
    leased_until timestamptz NOT NULL,
    done_at      timestamptz,
    PRIMARY KEY (scope, event_id)
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS event_age ON {s}.event (scope, (coalesce(done_at, leased_until)));

-- 0 fresh, 1 running, 2 done
CREATE OR REPLACE FUNCTION {s}.event_claim_v1(p_scope text, p_id text, p_token text, p_lease double precision) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE done timestamptz;
BEGIN
    -- A claim that a crash of the server loses costs nothing but a second run.
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO {s}.event AS e (scope, event_id, token, leased_until)
    VALUES (p_scope, p_id, p_token, clock_timestamp() + make_interval(secs => p_lease))
    ON CONFLICT (scope, event_id) DO UPDATE SET token = excluded.token, leased_until = excluded.leased_until
    -- A lease that ends so late was made before the clock was set back.
    WHERE e.done_at IS NULL AND (e.leased_until <= clock_timestamp()
        OR e.leased_until > clock_timestamp() + 4 * make_interval(secs => p_lease));
    IF FOUND THEN RETURN 0; END IF;
    SELECT done_at INTO done FROM {s}.event WHERE scope = p_scope AND event_id = p_id;
    RETURN CASE WHEN done IS NULL THEN 1 ELSE 2 END;
END $$;

-- true: recorded; false: another delivery has claimed the event since. In the caller's transaction, the work and the
-- mark become one: roll back when it is false.
CREATE OR REPLACE FUNCTION {s}.event_commit_v1(p_scope text, p_id text, p_token text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE {s}.event SET done_at = coalesce(done_at, clock_timestamp())
    WHERE scope = p_scope AND event_id = p_id AND token = p_token;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION {s}.event_release_v1(p_scope text, p_id text, p_token text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM {s}.event WHERE scope = p_scope AND event_id = p_id AND token = p_token AND done_at IS NULL;
    RETURN FOUND;
END $$;

-- Removes up to so many events that are older; returns how many.
CREATE OR REPLACE FUNCTION {s}.event_clean_v1(p_scope text, p_age double precision, p_most int) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM {s}.event WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {s}.event
            WHERE scope = p_scope AND coalesce(done_at, leased_until) < clock_timestamp() - make_interval(secs => p_age)
            LIMIT p_most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone;
$$;
