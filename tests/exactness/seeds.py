"""A small registry with everything that the real one may have: periods, companies, families, claims of each metric."""

import csv
import io

from tests.independent.registry import Seeds, read_seeds

_ORGANIZATIONS = """\
handle,organization,company,company_country,country,category,valid_from,valid_to,successor_handle,confidence,note
Ann,Ann Lab,Corp,FR,FR,startup,,,,high,
ann-old,Ann Lab,Corp,FR,FR,startup,,2025-06-01,Ann,high,former handle
bob,Bob Lab,Corp,FR,US,research,,,,low,
cy,Cy,,,INT,community,,,,medium,a note
dee,Dee,Dee Inc,DE,DE,startup,,2026-02-01,,high,
Dee,Dee,Corp,FR,DE,startup,2026-02-01,,,high,bought
eve,Eve Co,,,US,big_tech,,,,high,
Quiet,Quiet,,,CN,research,,,,high,
"""
_FAMILIES = """\
family,root_handle,name_pattern,except_pattern,note
Lynx,Ann,"^lynx|(^|[^a-z])lx[0-9]",[.]cpp|lx3,
Lynx,ann-old,"^lynx|(^|[^a-z])lx[0-9]",[.]cpp|lx3,
Owl,dee,owl,,
Bob,bob,bob|lynx,,
Zed,bob-lab,lynx-b|bob,,
"""
_ALIASES = """\
alias,company
The Corporation,Corp
Corp Group,Corp
Gone,Nobody
"""
_MODALITIES = """\
tag,modality
text-generation,text
text-to-image,image
modality:image,image
modality:text,text
"""
_LICENCES = """\
licence,licence_class
apache-2.0,permissive
cc-by-nc-4.0,noncommercial
gpl-3.0,copyleft
llama3,restricted
mit,permissive
other,other
"""
_RENAMES = """\
repo_type,former_id,repo_id
dataset,gpt-data,Ann/lynx
dataset,ann/old-name,bob/owl
model,gpt9,Ann/LYNX
model,dee/Owl,bob/mix
"""
_MILESTONES = """\
milestone_id,event_date,date_precision,event_type,organization,handle,repo_id,title,hub_created_at,source_url
2021-05-01-early,2021-05-01,day,policy,State,,,An early policy,,https://example.org/1
2022-03-20-edge,2022-03-20,day,platform,Hub,Ann,,Close to the floor,,https://example.org/2
2025-12-01-month,2025-12-01,month,organization,Ann Lab,ann,,A month,,https://example.org/3
2026-01-20-owl,2026-01-20,day,model,Dee,DEE,DEE/owl,An owl,2026-01-19,https://example.org/4
2026-03-02-lynx,2026-03-02,day,model,Ann Lab,Ann,Ann/lynx,Lynx comes out,,https://example.org/5
2026-03-10-bob,2026-03-10,day,organization,Bob Lab,bob,,Bob opens up,,https://example.org/6
2026-04-01-zed,2026-04-01,day,hub_repo_created,Zed,Zed,zed/none,Zed,,https://example.org/7
2027-12-31-late,2027-12-31,day,report,Eve Co,eve,,Far away,,https://example.org/8
"""
_CLAIMS = """\
claim_id,as_of,kind,subject,metric,comparator,claimed_value,tolerance,unit,note
derivatives_lynx,2026-03,hub,family:Lynx,derivatives.direct_external,>=,3,,models,
derivatives_owl,2026-04-10,hub,family:Owl,derivatives.direct_external,~,4,0.1,models,
derivatives_alias,2026,hub,company:The Corporation,derivatives.direct_external,=,5,,models,
derivatives_corp,2026,hub,company:Corp,derivatives.direct_external,=,5,,models,
derivatives_nobody,2026-03,hub,family:Nobody,derivatives.direct_external,=,5,,models,
tagged,2026-03,hub,family:Lynx,derivatives.tagged,>=,6,,repos,
ratio,2026-03,hub,family:Lynx / company:Corp + company:Dee Inc,derivatives.direct_external.ratio,~,0.5,0.1,ratio,
ratio_all,2026-03,hub,family:Lynx / company:Corp + family:Owl,derivatives.direct_external.ratio,~,0.5,0.1,ratio,
ratio_nobody,2026-03,hub,family:Nobody / family:Owl,derivatives.direct_external.ratio,~,0.5,0.1,ratio,
derivatives_old,2025-06,hub,family:Owl,derivatives.direct_external,>=,0,,models,
papers_covered,2026-01-06,hub,"companies:Corp, Eve Co, Bob Lab",papers.upvotes_share_of_top,>=,0.5,,share,
followers,2026-03-15,hub,handle:ANN,organizations.followers_rank,=,1,,rank,
followers_zed,2026-03-15,hub,handle:zed,organizations.followers_rank,=,2,,rank,
papers,2026-02-20,hub,"companies:Corp, Eve Co, Bob Lab",papers.upvotes_share_of_top,>=,0.5,,share,
policy,2021-05,external,policy:early,external.policy_issued,=,1,,flag,
external_known,2025,external,country:CN,external.data_centre_pue,~,1.46,,ratio,
external_unknown,2025-12,external,company:Corp,external.funding,~,5,,USD,
releases,2025,hub,company:Corp,organizations.releases_from_none,>=,3,,repos,
releases_now,2026,hub,company:Corp,organizations.releases_from_none,>=,3,,repos,
growth,2026,hub,company:Corp,organizations.releases_growth,~,2,0.1,ratio,
country_rank,2026-03,hub,country:FR,countries.new_model_downloads_rank,=,1,,rank,
country_rank_de,2026-03,hub,country:DE,countries.new_model_downloads_rank,=,1,,rank,
country_rank_us,2026-03,hub,country:US,countries.new_model_downloads_rank,=,1,,rank,
country_share,2026-03,hub,country:US,countries.download_share_1y,~,0.2,0.1,share,
ancestor,2026-01,hub,model:bob/mix,lineage.ancestor_handle,=,Ann,,handle,
ancestor_upper,2026-01,hub,model:ZED/tiny,lineage.ancestor_handle,=,ZED,,handle,
licence,2026-01-20,hub,model:Ann/lynx,models.license,=,mit,,license,
likes,2026-03,hub,model:dee/owl,models.likes_rank,=,1,,rank,
within,2026-03,hub,model:Ann/lynx,derivatives.rank_within_handle,=,1,,rank,
licence_share,2025,hub,country:FR,organizations.license_share.apache-2.0,>=,0.5,,share,
models,2026-03,hub,hub,repos.count.models,~,60,0.1,repos,
datasets,2026-03,hub,hub,repos.count.datasets,~,10,0.1,repos,
spaces,2026-05,hub,hub,repos.count.spaces,~,10,0.1,repos,
top,2026-03,hub,hub,concentration.share_of_downloads_by_top_1.5_percent,~,0.4,0.1,share,
licence_late,2027,hub,model:Ann/lynx,models.license,=,mit,,license,
growth_close,2026,hub,company:Corp,organizations.releases_growth,~,2,0.01,ratio,
releases_first,2024,hub,company:Corp,organizations.releases_from_none,>=,3,,repos,
"""
_SOURCE = {
    "source": "s",
    "publisher": "p",
    "source_title": "t",
    "source_url": "https://example.org/s",
    "published_date": "2026-03-01",
    "statement": "a",
    "sentence": "An a.",
    "wording": "quoted",
}


def small_seeds() -> Seeds:
    """The small registry; what is measured for which claim, and what other sources say, is the project's own."""
    texts = {
        "registry_organizations": _ORGANIZATIONS,
        "registry_families": _FAMILIES,
        "registry_aliases": _ALIASES,
        "registry_modalities": _MODALITIES,
        "registry_licences": _LICENCES,
        "registry_renames": _RENAMES,
        "registry_milestones": _MILESTONES,
        "registry_claims": _CLAIMS,
    }
    small = {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}
    small["registry_claims"] = [{**row, **_SOURCE} for row in small["registry_claims"]]
    return {**read_seeds(), **small}
