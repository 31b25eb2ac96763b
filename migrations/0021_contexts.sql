-- The contexts of the uploads that a list shows: most tickets have none, and that is known without looking at them. Of the
-- three pages that an upload of a list costs where uploads are asked for at random, its row, and its ticket's place in
-- the index and row, the last two were most of what a page of a user cost on ten million uploads. A ticket without a
-- context pays nothing for it.
-- Whoever has millions of tickets may make it before, CONCURRENTLY, so that no signature has to wait for it.
CREATE INDEX IF NOT EXISTS tickets_with_context ON tickets (id) WHERE context IS NOT NULL;
