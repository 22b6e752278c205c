-- The tokens of logins. A row without tokens is one that was cleared: its version goes on counting.
CREATE TABLE IF NOT EXISTS {s}.token (
    scope       text COLLATE "C" NOT NULL,
    login       text COLLATE "C" NOT NULL,
    version     bigint NOT NULL,
    tokens      text,
    guard       text,
    guard_until timestamptz,
    interrupted boolean NOT NULL DEFAULT false,         -- a guard of this version ended with its lease
    saved_by    text,
    PRIMARY KEY (scope, login)
);

CREATE OR REPLACE FUNCTION {s}.token_put_v1(p_scope text, p_login text, p_tokens text) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    INSERT INTO {s}.token AS t (scope, login, version, tokens) VALUES (p_scope, p_login, 1, p_tokens)
    ON CONFLICT (scope, login) DO UPDATE SET version = t.version + 1, tokens = excluded.tokens,
        guard = NULL, guard_until = NULL, interrupted = false, saved_by = NULL
    RETURNING version;
$$;

CREATE OR REPLACE FUNCTION {s}.token_clear_v1(p_scope text, p_login text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE {s}.token SET version = version + 1, tokens = NULL, guard = NULL, guard_until = NULL, interrupted = false, saved_by = NULL
    WHERE scope = p_scope AND login = p_login;
    RETURN FOUND;
END $$;

-- What: 0 empty, 1 another version, 2 busy, 3 begun, 4 begun after an interruption.
CREATE OR REPLACE FUNCTION {s}.token_begin_v1(
    p_scope text, p_login text, p_known bigint, p_guard text, p_lease double precision
) RETURNS TABLE (what int, version bigint, tokens text) LANGUAGE plpgsql VOLATILE AS $$
DECLARE t {s}.token; now_ timestamptz;
BEGIN
    SELECT * INTO t FROM {s}.token x WHERE x.scope = p_scope AND x.login = p_login FOR UPDATE;
    now_ := clock_timestamp();
    IF t.tokens IS NULL THEN RETURN QUERY SELECT 0, 0::bigint, ''; RETURN; END IF;
    IF t.version <> p_known THEN RETURN QUERY SELECT 1, t.version, t.tokens; RETURN; END IF;
    -- A lease that ends so late was made before the clock was set back.
    IF t.guard IS NOT NULL AND t.guard_until > now_ AND t.guard_until <= now_ + 4 * make_interval(secs => p_lease) THEN RETURN QUERY SELECT 2, 0::bigint, ''; RETURN; END IF;
    UPDATE {s}.token x SET guard = p_guard, guard_until = now_ + make_interval(secs => p_lease),
        interrupted = t.interrupted OR t.guard IS NOT NULL
    WHERE x.scope = p_scope AND x.login = p_login;
    RETURN QUERY SELECT CASE WHEN t.interrupted OR t.guard IS NOT NULL THEN 4 ELSE 3 END, t.version, t.tokens;
END $$;

-- What: 0 superseded by nothing, 1 superseded, 2 saved.
CREATE OR REPLACE FUNCTION {s}.token_save_v1(p_scope text, p_login text, p_version bigint, p_guard text, p_tokens text)
RETURNS TABLE (what int, version bigint, tokens text) LANGUAGE plpgsql VOLATILE AS $$
DECLARE t {s}.token;
BEGIN
    SELECT * INTO t FROM {s}.token x WHERE x.scope = p_scope AND x.login = p_login FOR UPDATE;
    IF t.tokens IS NULL THEN RETURN QUERY SELECT 0, 0::bigint, ''; RETURN; END IF;
    IF t.version = p_version THEN
        UPDATE {s}.token x SET version = t.version + 1, tokens = p_tokens, guard = NULL, guard_until = NULL, interrupted = false,
            saved_by = p_guard
        WHERE x.scope = p_scope AND x.login = p_login;
        RETURN QUERY SELECT 2, t.version + 1, ''; RETURN;
    END IF;
    IF t.saved_by = p_guard THEN RETURN QUERY SELECT 2, t.version, ''; RETURN; END IF;
    RETURN QUERY SELECT 1, t.version, t.tokens;
END $$;

CREATE OR REPLACE FUNCTION {s}.token_release_v1(p_scope text, p_login text, p_guard text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE {s}.token SET guard = NULL, guard_until = NULL WHERE scope = p_scope AND login = p_login AND guard = p_guard;
    RETURN FOUND;
END $$;
