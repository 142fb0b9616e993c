"""The statement that finds passages: by meaning (HNSW), by words (GIN), and both fused by their ranks.

By words: PostgreSQL's own ranking does not know that a rare word tells more than a common one, and to rank every passage that
has one common word of a question takes long. Both are settled by its statistics of the column (`pg_stats`): a word weighs as much
as it is rare, and the commonest words of a question are left out where too many passages would have to be ranked. Where even the
rarest one is common, passages that have the two rarest are ranked, some of them.

What has all the words of a question counts in the fusion like what is nearest to it; what has half of their weight, a quarter as much.

By meaning: an index of vectors finds the nearest of all, whoever owns them. It goes on until there are enough of the user's
(`hnsw.iterative_scan`); where the user's passages are few, looking at each of them is quicker and finds exactly the nearest.

Source: Cormack, Clarke, Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods" (2009).
"""

from functools import cache
from typing import Final, Literal

from sqlalchemy import TextClause, text

Method = Literal["hybrid", "vector", "text"]

EXACT_UP_TO: Final = 2_000  # passages that are compared one by one
_CANDIDATES = 40  # of each half
_RANKED = (
    1_000  # passages that have one of the chosen words, about; beyond twice as many, some of them are not looked at
)
_FUSION = 10  # of so few candidates; the usual 60 makes all ranks nearly equal

# A generic plan would know neither the words nor which index fits.
SETTINGS: Final = text(
    "select set_config('hnsw.ef_search', '80', true), set_config('hnsw.iterative_scan', 'relaxed_order', true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)

_LIVE = """
    join rag_resources r on r.id = p.resource_id and r.generation = p.generation and r.deleted_at is null
"""

_NEAR = """
near as materialized (
  select p.id, {distance} as distance
  from rag_passages p {live}
  where {where} and p.model = :model and vector_dims(p.embedding) = {size}
  order by {order} limit {candidates}
)"""

_NOTHING_NEAR = "near as (select cast(null as bigint) as id, cast(null as float8) as distance where false)"

_WORDS = """
statistics as materialized (
  select s.lexeme, s.frequency
  from pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) as s (lexeme, frequency)
  where schemaname = current_schema() and tablename = 'rag_passages' and attname = 'search'
),
total as materialized (
  select greatest(reltuples, 1) as passages from pg_class where oid = 'rag_passages'::regclass
),
words as materialized (
  select lexeme, frequency, ln(1 + 1 / frequency) as weight,
    sum(frequency) over (order by frequency, lexeme) as together, row_number() over (order by frequency, lexeme) as rarity
  from (
    select w.lexeme, coalesce(max(s.frequency), least(0.5, 2 / max(total.passages)), 0.5) as frequency
    from total, unnest(cast(:configurations as text[])) as c (name)
      cross join lateral unnest(to_tsvector(cast(c.name as regconfig), :asked)) as w
      left join statistics s on s.lexeme = w.lexeme
    group by w.lexeme
  ) asked
),
chosen as materialized (
  select rarity, weight, together * total.passages <= {ranked} as is_rare,
    '''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''' as term
  from words, total where rarity <= 2 or (rarity <= 24 and together * total.passages <= {ranked})
),
query as materialized (
  select cast(
    coalesce(string_agg(term, ' | ') filter (where is_rare), string_agg(term, ' & ') filter (where rarity <= 2)) as tsquery
  ) as wanted
  from chosen
),
holding as materialized (
  select p.id, p.search
  from query, rag_passages p {live}
  where {where} and p.search @@ query.wanted limit 2 * {ranked}
),
said as materialized (
  select h.id, had.rank, had.weight / (select sum(weight) from words) as share
  from holding h cross join lateral (
    select sum(c.weight * ts_rank(h.search, cast(c.term as tsquery), 1)) as rank,
      sum(c.weight) filter (where h.search @@ cast(c.term as tsquery)) as weight
    from chosen c
  ) had
  order by had.rank desc, h.id limit {candidates}
)"""

_NOTHING_SAID = "said as (select cast(null as bigint) as id, cast(null as float8) as rank, cast(null as float8) as share where false)"

_FUSED = """
ranked as (
  select id, 1.0 / ({fusion} + row_number() over (order by distance, id)) as score from near
  union all
  select id, share * share / ({fusion} + row_number() over (order by rank desc, id)) from said
),
fused as (select id, sum(score) as score from ranked group by id order by score desc, id limit :limit)
select p.resource_id, r.title, p.position, p.heading, p.page, p.text, cast(f.score as float8) as score
from fused f join rag_passages p on p.id = f.id join rag_resources r on r.id = p.resource_id
order by f.score desc, f.id"""


def statement(size: int, method: Method, *, passages: int, whole: bool) -> TextClause:
    """The search for vectors of one length among so many passages; `whole`: of all that the user has."""
    return _statement(size, method, exact=passages <= EXACT_UP_TO, whole=whole)


@cache
def _statement(size: int, method: Method, *, exact: bool, whole: bool) -> TextClause:
    # What a partial index is of must stand in the statement itself: a parameter's value is not known when it is planned.
    distance = f"cast(p.embedding as halfvec({size})) <=> cast(cast(:vector as text) as halfvec({size}))"
    mine = "p.user_id = :user_id"
    these = mine if whole else f"{mine} and p.resource_id = any(cast(:ids as uuid[]))"
    few = f"{mine} and p.resource_id = any(cast(:ids as uuid[]))"
    near = _NEAR.format(
        distance=distance,
        live=_LIVE,
        where=few if exact else these,
        size=size,
        order=f"({distance}) + 0" if exact else distance,
        candidates=_CANDIDATES,
    )
    said = _WORDS.format(live=_LIVE, where=these, candidates=_CANDIDATES, ranked=_RANKED)
    halves = [_NOTHING_NEAR if method == "text" else near, _NOTHING_SAID if method == "vector" else said]
    return text(f"with {', '.join(halves)}, {_FUSED.format(fusion=_FUSION)}")  # of constants alone
