-- The quota of a scope. Times are microseconds since 1970 by this server's clock; lanes are 0 interactive, 1 normal.
CREATE TABLE IF NOT EXISTS {s}.quota (
    scope   text COLLATE "C" PRIMARY KEY,
    epoch   text NOT NULL,
    shut    bigint NOT NULL DEFAULT 0,
    longest bigint NOT NULL DEFAULT 0,
    full_at jsonb NOT NULL DEFAULT '{}',
    seen    bigint NOT NULL DEFAULT 0
);
-- One of the two times is set: the end of a lease, or from when a used slot counts.
CREATE TABLE IF NOT EXISTS {s}.quota_slot (
    scope text COLLATE "C" NOT NULL, slot bigint NOT NULL, lane smallint NOT NULL,
    leased_until bigint, used_from bigint, PRIMARY KEY (scope, slot)
);
CREATE INDEX IF NOT EXISTS quota_slot_used ON {s}.quota_slot (scope, used_from);
-- Slots of others, as far as the service reported them.
CREATE TABLE IF NOT EXISTS {s}.quota_other (
    scope text COLLATE "C" NOT NULL, win text NOT NULL, free_at bigint NOT NULL, slots bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS quota_other_win ON {s}.quota_other (scope, win);
CREATE TABLE IF NOT EXISTS {s}.quota_waiter (
    scope text COLLATE "C" NOT NULL, waiter text NOT NULL, lane smallint NOT NULL, since bigint NOT NULL,
    kept_until bigint NOT NULL, PRIMARY KEY (scope, waiter)
);
CREATE TABLE IF NOT EXISTS {s}.quota_process (
    scope text COLLATE "C" NOT NULL, process text NOT NULL, seen bigint NOT NULL, PRIMARY KEY (scope, process)
);

-- The limits on a lane: each window, and for normal calls what of it is not reserved.
CREATE OR REPLACE FUNCTION {s}.quota_limits_v1(p_windows jsonb, p_lane int)
RETURNS TABLE (n bigint, len bigint, tok bigint, win text, bucket text, normal_only boolean)
LANGUAGE sql IMMUTABLE AS $$
    SELECT (w->>'n')::bigint, (w->>'len')::bigint, (w->>'token')::bigint, (w->>'n') || ':' || (w->>'len'),
           (w->>'n') || ':' || (w->>'len'), false
    FROM jsonb_array_elements(p_windows) w
    UNION ALL
    SELECT (w->>'normal')::bigint, (w->>'len')::bigint, (w->>'token_normal')::bigint, (w->>'n') || ':' || (w->>'len'),
           (w->>'n') || ':' || (w->>'len') || ':' || (w->>'normal'), true
    FROM jsonb_array_elements(p_windows) w WHERE p_lane = 1 AND (w->>'normal')::bigint < (w->>'n')::bigint;
$$;

CREATE OR REPLACE FUNCTION {s}.quota_taken_v1(
    p_scope text, p_len bigint, p_tok bigint, p_win text, p_full bigint, p_normal_only boolean, p_bucket boolean, p_now bigint
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE running bigint; used bigint; other bigint := 0;
BEGIN
    SELECT count(*) FILTER (WHERE leased_until IS NOT NULL), count(*) FILTER (WHERE used_from > p_now - p_len)
    INTO running, used FROM {s}.quota_slot WHERE scope = p_scope AND (NOT p_normal_only OR lane = 1);
    IF p_bucket THEN
        RETURN ceil((greatest(p_full, p_now) - p_now + running * p_tok) / p_tok::numeric);
    END IF;
    IF NOT p_normal_only THEN
        SELECT coalesce(sum(slots), 0) INTO other FROM {s}.quota_other WHERE scope = p_scope AND win = p_win;
    END IF;
    RETURN running + used + other;
END $$;

-- How long until a slot of the lane is free, at the least, for one who has so many before him.
CREATE OR REPLACE FUNCTION {s}.quota_wait_v1(
    p_scope text, p_windows jsonb, p_full jsonb, p_bucket boolean, p_lane int, p_before bigint, p_shut bigint, p_now bigint
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE l record; free bigint := greatest(p_now, p_shut); full_ bigint; over bigint; at bigint; running bigint;
BEGIN
    FOR l IN SELECT * FROM {s}.quota_limits_v1(p_windows, p_lane) LOOP
        full_ := coalesce((p_full->>l.bucket)::bigint, 0);
        IF p_bucket THEN
            SELECT count(*) INTO running FROM {s}.quota_slot
            WHERE scope = p_scope AND leased_until IS NOT NULL AND (NOT l.normal_only OR lane = 1);
            free := greatest(free, greatest(full_, p_now) + (running + p_before + 1) * l.tok - l.len);
        ELSE
            over := {s}.quota_taken_v1(p_scope, l.len, l.tok, l.win, full_, l.normal_only, false, p_now) + p_before - l.n;
            IF over >= 0 THEN
                SELECT r INTO at FROM (
                    SELECT r, sum(c) OVER (ORDER BY r ROWS UNBOUNDED PRECEDING) AS upto FROM (
                        SELECT used_from + l.len AS r, 1::bigint AS c FROM {s}.quota_slot
                        WHERE scope = p_scope AND used_from > p_now - l.len AND (NOT l.normal_only OR lane = 1)
                        UNION ALL
                        SELECT free_at, slots FROM {s}.quota_other
                        WHERE scope = p_scope AND win = l.win AND NOT l.normal_only
                    ) releases
                ) counted WHERE upto > over ORDER BY r LIMIT 1;
                free := greatest(free, coalesce(at, p_now + l.len));
            END IF;
        END IF;
    END LOOP;
    RETURN free - p_now;
END $$;

CREATE OR REPLACE FUNCTION {s}.quota_exchange_v1(p_scope text, p_message text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    msg jsonb := p_message::jsonb;
    windows jsonb := msg->'windows';
    bucket boolean := msg->>'shape' = 'b';
    q {s}.quota;
    now_us bigint;
    x jsonb; l record; ended record;
    slot_ bigint; lane_ int; from_ bigint; before bigint; free bigint; missing bigint; moved boolean;
    counted_from bigint[] := '{}'; counted_lane int[] := '{}';
    takes jsonb := '[]'; counts jsonb := '[]'; processes bigint; running bigint; waiting bigint;
BEGIN
    -- What a crash of the server loses is given back by the processes.
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO {s}.quota (scope, epoch) VALUES (p_scope, msg->>'candidate') ON CONFLICT DO NOTHING;
    SELECT * INTO q FROM {s}.quota WHERE scope = p_scope FOR UPDATE;
    now_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    IF now_us < q.seen - 1000000 THEN
        -- The clock was set back: no time that is kept means anything. The processes give back what they know.
        DELETE FROM {s}.quota_slot WHERE scope = p_scope;
        DELETE FROM {s}.quota_other WHERE scope = p_scope;
        DELETE FROM {s}.quota_waiter WHERE scope = p_scope;
        DELETE FROM {s}.quota_process WHERE scope = p_scope;
        UPDATE {s}.quota SET epoch = msg->>'candidate', shut = now_us + 1500000, full_at = '{}', seen = now_us
        WHERE scope = p_scope RETURNING * INTO q;
    END IF;
    IF msg->>'epoch' IS NOT NULL AND msg->>'epoch' <> q.epoch THEN
        RETURN jsonb_build_object('epoch', q.epoch, 'stale', true);
    END IF;
    -- Others may have longer windows: what they need is not forgotten.
    SELECT greatest(q.longest, max((w->>'len')::bigint)) INTO q.longest FROM jsonb_array_elements(windows) w;

    IF jsonb_typeof(msg->'restore') = 'object' THEN
        FOR x IN SELECT * FROM jsonb_array_elements(msg->'restore'->'used') LOOP
            from_ := now_us - (x->>2)::bigint;
            INSERT INTO {s}.quota_slot (scope, slot, lane, used_from)
            VALUES (p_scope, (x->>0)::bigint, (x->>1)::int, from_) ON CONFLICT DO NOTHING;
            IF FOUND THEN counted_from := counted_from || from_; counted_lane := counted_lane || (x->>1)::int; END IF;
        END LOOP;
        FOR x IN SELECT * FROM jsonb_array_elements(msg->'restore'->'running') LOOP
            INSERT INTO {s}.quota_slot (scope, slot, lane, leased_until)
            VALUES (p_scope, (x->>0)::bigint, (x->>1)::int, now_us + (x->>2)::bigint) ON CONFLICT DO NOTHING;
        END LOOP;
        -- Nobody gets a slot before the others have had the time to say what they have used.
        q.shut := greatest(q.shut, now_us + 1500000);
    END IF;

    FOR ended IN UPDATE {s}.quota_slot SET used_from = leased_until + 1000000, leased_until = NULL
        WHERE scope = p_scope AND leased_until <= now_us RETURNING used_from, lane LOOP
        counted_from := counted_from || ended.used_from;
        counted_lane := counted_lane || ended.lane::int;
    END LOOP;

    FOR x IN SELECT * FROM jsonb_array_elements(msg->'settled') LOOP
        slot_ := (x->>0)::bigint;
        IF x->>2 = 'u' THEN
            DELETE FROM {s}.quota_slot WHERE scope = p_scope AND slot = slot_;
        ELSE
            from_ := now_us - (x->>3)::bigint + CASE WHEN x->>2 = 'l' THEN 1000000 ELSE 0 END;
            -- One that was counted when its lease ended only moves.
            moved := EXISTS (SELECT FROM {s}.quota_slot WHERE scope = p_scope AND slot = slot_ AND used_from IS NOT NULL);
            INSERT INTO {s}.quota_slot AS s (scope, slot, lane, used_from) VALUES (p_scope, slot_, (x->>1)::int, from_)
            ON CONFLICT (scope, slot) DO UPDATE SET leased_until = NULL, used_from = excluded.used_from;
            IF NOT moved THEN
                counted_from := counted_from || from_;
                counted_lane := counted_lane || (x->>1)::int;
            END IF;
        END IF;
    END LOOP;
    DELETE FROM {s}.quota_slot WHERE scope = p_scope AND used_from <= now_us - q.longest;
    DELETE FROM {s}.quota_other WHERE scope = p_scope AND free_at <= now_us;
    IF cardinality(counted_from) > 0 THEN
        FOR l IN SELECT * FROM {s}.quota_limits_v1(windows, 1) LOOP
            free := coalesce((q.full_at->>l.bucket)::bigint, 0);
            FOR i IN 1..cardinality(counted_from) LOOP
                IF NOT l.normal_only OR counted_lane[i] = 1 THEN
                    free := greatest(free, counted_from[i]) + l.tok;
                END IF;
            END LOOP;
            q.full_at := q.full_at || jsonb_build_object(l.bucket, free);
        END LOOP;
    END IF;

    FOR x IN SELECT * FROM jsonb_array_elements(msg->'reported') LOOP
        IF (x->>'refused') IS NOT NULL THEN q.shut := greatest(q.shut, now_us + (x->>'refused')::bigint); END IF;
        IF (x->>'index') IS NOT NULL THEN
            SELECT * INTO l FROM {s}.quota_limits_v1(jsonb_build_array(windows->((x->>'index')::int)), 0);
            missing := l.n - (x->>'remaining')::bigint - {s}.quota_taken_v1(
                p_scope, l.len, l.tok, l.win, coalesce((q.full_at->>l.bucket)::bigint, 0), false, bucket, now_us);
            IF missing > 0 THEN
                free := now_us + (x->>'free')::bigint;
                IF (SELECT count(*) >= 64 FROM {s}.quota_other WHERE scope = p_scope AND win = l.win) THEN
                    -- Many small reports become one, at the latest time.
                    WITH gone AS (DELETE FROM {s}.quota_other WHERE scope = p_scope AND win = l.win RETURNING *)
                    SELECT missing + sum(slots), greatest(free, max(free_at)) INTO missing, free FROM gone;
                END IF;
                INSERT INTO {s}.quota_other VALUES (p_scope, l.win, free, missing);
                q.full_at := q.full_at || jsonb_build_object(l.bucket,
                    greatest(coalesce((q.full_at->>l.bucket)::bigint, 0), now_us) + l.tok * missing);
            END IF;
        END IF;
    END LOOP;

    DELETE FROM {s}.quota_waiter WHERE scope = p_scope AND (kept_until <= now_us OR waiter IN (
        SELECT jsonb_array_elements_text(msg->'withdrawn')));

    FOR x IN SELECT * FROM jsonb_array_elements(msg->'takes') LOOP
        slot_ := (x->>0)::bigint;
        lane_ := (x->>1)::int;
        IF EXISTS (SELECT FROM {s}.quota_slot WHERE scope = p_scope AND slot = slot_ AND leased_until IS NOT NULL) THEN
            -- Asked again after a response was lost.
            takes := takes || 'null'::jsonb;
            CONTINUE;
        END IF;
        before := 0;
        IF x->>3 <> '0' THEN
            INSERT INTO {s}.quota_waiter VALUES (p_scope, x->>3, lane_, now_us, now_us + 500000) ON CONFLICT DO NOTHING;
            SELECT count(*) INTO before FROM {s}.quota_waiter o, {s}.quota_waiter me
            WHERE o.scope = p_scope AND me.scope = p_scope AND me.waiter = x->>3
              AND (o.lane, o.since, o.waiter) < (me.lane, me.since, me.waiter);
        END IF;
        free := {s}.quota_wait_v1(p_scope, windows, q.full_at, bucket, lane_, before, q.shut, now_us);
        IF free > 0 THEN
            takes := takes || to_jsonb(free);
            -- A caller that does not ask again in time loses its position.
            UPDATE {s}.quota_waiter SET kept_until = now_us + free + 500000 WHERE scope = p_scope AND waiter = x->>3;
        ELSE
            DELETE FROM {s}.quota_waiter WHERE scope = p_scope AND waiter = x->>3;
            INSERT INTO {s}.quota_slot (scope, slot, lane, leased_until)
            VALUES (p_scope, slot_, lane_, now_us + (x->>2)::bigint)
            ON CONFLICT (scope, slot) DO UPDATE SET leased_until = excluded.leased_until, used_from = NULL;
            takes := takes || 'null'::jsonb;
        END IF;
    END LOOP;

    UPDATE {s}.quota SET shut = q.shut, longest = q.longest, full_at = q.full_at, seen = now_us WHERE scope = p_scope
        AND (quota.seen < now_us - 100000
            OR (quota.shut, quota.longest, quota.full_at) IS DISTINCT FROM (q.shut, q.longest, q.full_at));
    INSERT INTO {s}.quota_process AS p VALUES (p_scope, msg->>'process', now_us)
    ON CONFLICT (scope, process) DO UPDATE SET seen = excluded.seen WHERE p.seen < excluded.seen - 1000000;
    DELETE FROM {s}.quota_process WHERE scope = p_scope AND seen < now_us - 15000000;
    SELECT count(*) INTO processes FROM {s}.quota_process WHERE scope = p_scope;
    SELECT count(*) INTO waiting FROM {s}.quota_waiter WHERE scope = p_scope;
    SELECT count(*) INTO running FROM {s}.quota_slot WHERE scope = p_scope AND leased_until IS NOT NULL;
    FOR l IN SELECT * FROM {s}.quota_limits_v1(windows, 0) LOOP
        counts := counts || to_jsonb({s}.quota_taken_v1(
            p_scope, l.len, l.tok, l.win, coalesce((q.full_at->>l.bucket)::bigint, 0), false, bucket, now_us));
    END LOOP;
    RETURN jsonb_build_object('epoch', q.epoch, 'stale', false, 'takes', takes, 'used', counts, 'in_flight', running,
        'interactive', {s}.quota_wait_v1(p_scope, windows, q.full_at, bucket, 0, 0, q.shut, now_us),
        'normal', {s}.quota_wait_v1(p_scope, windows, q.full_at, bucket, 1, waiting, q.shut, now_us),
        'processes', processes);
END $$;
