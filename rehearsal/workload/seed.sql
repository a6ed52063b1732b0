-- The same in every run: values are computed from the row's number. :customers, :products, :purchases and :events are
-- filled in by schema.py.

insert into orders.country values
    ('BE', 'Belgium'), ('DE', 'Germany'), ('DK', 'Denmark'), ('ES', 'Spain'), ('FI', 'Finland'),
    ('FR', 'France'), ('IT', 'Italy'), ('NL', 'Netherlands'), ('PT', 'Portugal'), ('SE', 'Sweden');

insert into orders.customer (country, email, preferences, tags, created_at, last_write)
select
    (array['BE', 'DE', 'DK', 'ES', 'FI', 'FR', 'IT', 'NL', 'PT', 'SE'])[1 + n % 10],
    'customer' || n || '@shop.example',
    jsonb_build_object('newsletter', n % 3 = 0, 'theme', jsonb_build_object('dark', n % 2 = 0, 'size', n % 7)),
    array['since-' || 2000 + n % 26, 'größe-' || n % 5],
    timestamptz '2025-01-01' + n * interval '1 minute',
    'seed'
from generate_series(1, :customers) n;

-- Every fiftieth description is larger than 64 KB; md5 keeps it from being compressed away.
insert into orders.product (name, price, description, picture, last_write)
select
    'Product ' || n,
    (n * 37 % 9973 + 100) / 100.0,
    case when n % 50 = 0 then (select string_agg(md5(n || ':' || i), ' ') from generate_series(1, 2200) i)
         else repeat('Description of product ' || n || '. ', 1 + n % 20) end,
    case when n % 4 = 0 then decode(repeat(md5(n::text), 16), 'hex') end,
    'seed'
from generate_series(1, :products) n;

insert into orders.stock (product_id, on_hand, last_write) select id, 1000000, 'seed' from orders.product;

insert into orders.purchase (customer_id, status, total, placed_at, last_write)
select
    1 + n * 7919 % :customers,
    (array['placed', 'paid', 'shipped', 'delivered'])[1 + n % 4]::orders.purchase_status,
    (n % 5000) / 10.0 + 1,
    timestamptz '2025-06-01' + n * interval '30 seconds',
    'seed'
from generate_series(1, :purchases) n;

insert into orders.purchase_line (purchase_id, line_number, product_id, quantity, unit_price, last_write)
select p.id, l, 1000 + (p.id * 31 + l * 17) % :products, 1 + l, (p.id % 500) / 10.0 + 1, 'seed'
from orders.purchase p cross join generate_series(1, 2) l;

insert into orders.event (happened_at, kind, detail, last_write)
select
    timestamptz '2025-11-01' + n * interval '20 minutes', 'visit', jsonb_build_object('page', n % 100, 'ms', n), 'seed'
from generate_series(1, :events) n;

create materialized view orders.sales_by_country as
select c.country, count(*) as purchases, sum(p.total) as total
from orders.purchase p join orders.customer c on c.id = p.customer_id
group by c.country;
create unique index on orders.sales_by_country (country);

analyze;
