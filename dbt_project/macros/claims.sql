{# How the subjects that a claim names are told apart. #}

{% macro claim_subjects(relation) %}
    select
        claim_id,
        side,
        subject_type,
        -- Only a list of companies is split: a comma may be a part of any other name.
        {{ explode(split_text('name', "case when subject_type = 'companies' then ', ' else chr(10) end")) }} as subject
    from (
        select
            claim_id,
            side,
            split_part(term, ':', 1) as subject_type,
            substr(term, length(split_part(term, ':', 1)) + 2) as name
        from (
            select claim_id, 'numerator' as side, {{ explode(split_text("split_part(subject, ' / ', 1)", "' + '")) }} as term
            from {{ relation }}
            union all
            select claim_id, 'denominator' as side, {{ explode(split_text("split_part(subject, ' / ', 2)", "' + '")) }} as term
            from {{ relation }}
            where subject like '% / %'
        ) as terms
    ) as named
{%- endmacro %}
