-- What a person says who decides whose an upload is (src/record/decide/); null where a delivery or a command decided.
-- The last row of a file tells whether a person's verdict stands: nothing but another person's takes it back.
ALTER TABLE attribution_changes ADD COLUMN note text;
