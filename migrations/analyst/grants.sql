-- It reads the schema `analyst` and nothing else.
GRANT USAGE ON SCHEMA analyst TO vod_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA analyst TO vod_analyst;
