"""Companies by their real names, as they are known to everybody, with the place of their head office.

The names and places are facts; domains, figures and people of the worlds made from them are invented.
"""

from __future__ import annotations

from typing import NamedTuple


class Company(NamedTuple):
    """`full`: the name as the company itself writes it out, where a CRM may well hold that instead of `name`."""

    name: str
    full: str
    industry: str
    city: str
    country: str


_LINES = """
Siemens|Siemens AG|MACHINERY|Munich|Germany
Bosch Rexroth|Bosch Rexroth AG|MACHINERY|Lohr am Main|Germany
KUKA|KUKA Aktiengesellschaft|MACHINERY|Augsburg|Germany
Dürr|Dürr AG|MACHINERY|Bietigheim-Bissingen|Germany
Krones|Krones AG|MACHINERY|Neutraubling|Germany
Voith|Voith GmbH & Co. KGaA|MACHINERY|Heidenheim|Germany
Trumpf|TRUMPF SE + Co. KG|MACHINERY|Ditzingen|Germany
Jungheinrich|Jungheinrich AG|MACHINERY|Hamburg|Germany
Allianz|Allianz SE|INSURANCE|Munich|Germany
Munich Re|Munich Re|INSURANCE|Munich|Germany
Hannover Re|Hannover Rück SE|INSURANCE|Hanover|Germany
Deutsche Bank|Deutsche Bank AG|BANKING|Frankfurt|Germany
Commerzbank|Commerzbank AG|BANKING|Frankfurt|Germany
BASF|BASF SE|CHEMICALS|Ludwigshafen|Germany
Evonik|Evonik Industries AG|CHEMICALS|Essen|Germany
Lanxess|LANXESS AG|CHEMICALS|Cologne|Germany
Wacker Chemie|Wacker Chemie AG|CHEMICALS|Munich|Germany
Symrise|Symrise AG|CHEMICALS|Holzminden|Germany
Metro|METRO AG|RETAIL|Düsseldorf|Germany
Ceconomy|CECONOMY AG|RETAIL|Düsseldorf|Germany
Otto Group|Otto GmbH & Co. KG|RETAIL|Hamburg|Germany
Hochtief|HOCHTIEF AG|CONSTRUCTION|Essen|Germany
Bilfinger|Bilfinger SE|CONSTRUCTION|Mannheim|Germany
BioNTech|BioNTech SE|BIOTECHNOLOGY|Mainz|Germany
Evotec|Evotec SE|BIOTECHNOLOGY|Hamburg|Germany
Qiagen|QIAGEN N.V.|BIOTECHNOLOGY|Hilden|Germany
Andritz|ANDRITZ AG|MACHINERY|Graz|Austria
Palfinger|PALFINGER AG|MACHINERY|Bergheim|Austria
Strabag|STRABAG SE|CONSTRUCTION|Vienna|Austria
Erste Group|Erste Group Bank AG|BANKING|Vienna|Austria
Bühler|Bühler AG|MACHINERY|Uzwil|Switzerland
Georg Fischer|Georg Fischer AG|MACHINERY|Schaffhausen|Switzerland
Zurich Insurance|Zurich Insurance Group Ltd|INSURANCE|Zurich|Switzerland
Swiss Re|Swiss Re Ltd|INSURANCE|Zurich|Switzerland
Clariant|Clariant AG|CHEMICALS|Muttenz|Switzerland
Givaudan|Givaudan SA|CHEMICALS|Vernier|Switzerland
Lonza|Lonza Group AG|BIOTECHNOLOGY|Basel|Switzerland
Implenia|Implenia AG|CONSTRUCTION|Opfikon|Switzerland
Alstom|Alstom SA|MACHINERY|Saint-Ouen|France
Fives|Fives Group|MACHINERY|Paris|France
BNP Paribas|BNP Paribas S.A.|BANKING|Paris|France
Société Générale|Société Générale S.A.|BANKING|Paris|France
Crédit Agricole|Crédit Agricole S.A.|BANKING|Montrouge|France
AXA|AXA S.A.|INSURANCE|Paris|France
SCOR|SCOR SE|INSURANCE|Paris|France
Air Liquide|L'Air Liquide S.A.|CHEMICALS|Paris|France
Arkema|Arkema S.A.|CHEMICALS|Colombes|France
Carrefour|Carrefour S.A.|RETAIL|Massy|France
Auchan|Auchan Holding|RETAIL|Croix|France
Bouygues|Bouygues S.A.|CONSTRUCTION|Paris|France
Vinci|VINCI SA|CONSTRUCTION|Nanterre|France
Eiffage|Eiffage S.A.|CONSTRUCTION|Vélizy-Villacoublay|France
Genfit|GENFIT S.A.|BIOTECHNOLOGY|Loos|France
Ferrovial|Ferrovial SE|CONSTRUCTION|Madrid|Spain
Acciona|Acciona, S.A.|CONSTRUCTION|Madrid|Spain
Banco Santander|Banco Santander, S.A.|BANKING|Madrid|Spain
Mapfre|MAPFRE, S.A.|INSURANCE|Madrid|Spain
Mercadona|Mercadona, S.A.|RETAIL|Valencia|Spain
Danobat|Danobat Group|MACHINERY|Elgoibar|Spain
Grifols|Grifols, S.A.|BIOTECHNOLOGY|Barcelona|Spain
Caterpillar|Caterpillar Inc.|MACHINERY|Irving|United States
Deere & Company|Deere & Company|MACHINERY|Moline|United States
Cummins|Cummins Inc.|MACHINERY|Columbus|United States
Illinois Tool Works|Illinois Tool Works Inc.|MACHINERY|Glenview|United States
Lincoln Electric|Lincoln Electric Holdings, Inc.|MACHINERY|Euclid|United States
Hyster-Yale|Hyster-Yale, Inc.|MACHINERY|Cleveland|United States
Terex|Terex Corporation|MACHINERY|Norwalk|United States
AGCO|AGCO Corporation|MACHINERY|Duluth|United States
Dow|Dow Inc.|CHEMICALS|Midland|United States
Eastman Chemical|Eastman Chemical Company|CHEMICALS|Kingsport|United States
Huntsman|Huntsman Corporation|CHEMICALS|The Woodlands|United States
Celanese|Celanese Corporation|CHEMICALS|Irving|United States
Sherwin-Williams|The Sherwin-Williams Company|CHEMICALS|Cleveland|United States
Liberty Mutual|Liberty Mutual Insurance Company|INSURANCE|Boston|United States
Liberty Media|Liberty Media Corporation|TELECOMMUNICATIONS|Englewood|United States
First American Financial|First American Financial Corporation|INSURANCE|Santa Ana|United States
American Financial Group|American Financial Group, Inc.|INSURANCE|Cincinnati|United States
Travelers|The Travelers Companies, Inc.|INSURANCE|New York|United States
Progressive|The Progressive Corporation|INSURANCE|Mayfield|United States
Allstate|The Allstate Corporation|INSURANCE|Northbrook|United States
Wells Fargo|Wells Fargo & Company|BANKING|San Francisco|United States
JPMorgan Chase|JPMorgan Chase & Co.|BANKING|New York|United States
Bank of America|Bank of America Corporation|BANKING|Charlotte|United States
Citigroup|Citigroup Inc.|BANKING|New York|United States
Citizens Financial|Citizens Financial Group, Inc.|BANKING|Providence|United States
Fifth Third Bank|Fifth Third Bancorp|BANKING|Cincinnati|United States
Walmart|Walmart Inc.|RETAIL|Bentonville|United States
Target|Target Corporation|RETAIL|Minneapolis|United States
Kroger|The Kroger Co.|RETAIL|Cincinnati|United States
Home Depot|The Home Depot, Inc.|RETAIL|Atlanta|United States
Lowe's|Lowe's Companies, Inc.|RETAIL|Mooresville|United States
Kohl's|Kohl's Corporation|RETAIL|Menomonee Falls|United States
Dick's Sporting Goods|DICK'S Sporting Goods, Inc.|RETAIL|Coraopolis|United States
Amgen|Amgen Inc.|BIOTECHNOLOGY|Thousand Oaks|United States
Gilead Sciences|Gilead Sciences, Inc.|BIOTECHNOLOGY|Foster City|United States
Biogen|Biogen Inc.|BIOTECHNOLOGY|Cambridge|United States
Vertex|Vertex Pharmaceuticals Incorporated|BIOTECHNOLOGY|Boston|United States
Moderna|Moderna, Inc.|BIOTECHNOLOGY|Cambridge|United States
Fluor|Fluor Corporation|CONSTRUCTION|Irving|United States
Jacobs|Jacobs Solutions Inc.|CONSTRUCTION|Dallas|United States
D.R. Horton|D.R. Horton, Inc.|CONSTRUCTION|Arlington|United States
Toll Brothers|Toll Brothers, Inc.|CONSTRUCTION|Fort Washington|United States
AT&T|AT&T Inc.|TELECOMMUNICATIONS|Dallas|United States
Verizon|Verizon Communications Inc.|TELECOMMUNICATIONS|New York|United States
Lumen|Lumen Technologies, Inc.|TELECOMMUNICATIONS|Monroe|United States
Frontier|Frontier Communications Parent, Inc.|TELECOMMUNICATIONS|Dallas|United States
Duke Energy|Duke Energy Corporation|UTILITIES|Charlotte|United States
Southern Company|The Southern Company|UTILITIES|Atlanta|United States
Dominion Energy|Dominion Energy, Inc.|UTILITIES|Richmond|United States
American Electric Power|American Electric Power Company, Inc.|UTILITIES|Columbus|United States
Xcel Energy|Xcel Energy Inc.|UTILITIES|Minneapolis|United States
Consolidated Edison|Consolidated Edison, Inc.|UTILITIES|New York|United States
CMS Energy|CMS Energy Corporation|UTILITIES|Jackson|United States
Manulife|Manulife Financial Corporation|INSURANCE|Toronto|Canada
Sun Life|Sun Life Financial Inc.|INSURANCE|Toronto|Canada
Royal Bank of Canada|Royal Bank of Canada|BANKING|Toronto|Canada
Bank of Montreal|Bank of Montreal|BANKING|Montreal|Canada
Canadian Tire|Canadian Tire Corporation, Limited|RETAIL|Toronto|Canada
Loblaw|Loblaw Companies Limited|RETAIL|Brampton|Canada
Fortis|Fortis Inc.|UTILITIES|St. John's|Canada
Telus|TELUS Corporation|TELECOMMUNICATIONS|Vancouver|Canada
Barclays|Barclays PLC|BANKING|London|United Kingdom
Lloyds Banking Group|Lloyds Banking Group plc|BANKING|London|United Kingdom
Aviva|Aviva plc|INSURANCE|London|United Kingdom
Legal & General|Legal & General Group Plc|INSURANCE|London|United Kingdom
Tesco|Tesco PLC|RETAIL|Welwyn Garden City|United Kingdom
J Sainsbury|J Sainsbury plc|RETAIL|London|United Kingdom
Marks & Spencer|Marks and Spencer Group plc|RETAIL|London|United Kingdom
Balfour Beatty|Balfour Beatty plc|CONSTRUCTION|London|United Kingdom
Croda|Croda International Plc|CHEMICALS|Snaith|United Kingdom
Johnson Matthey|Johnson Matthey Plc|CHEMICALS|London|United Kingdom
Renishaw|Renishaw plc|MACHINERY|Wotton-under-Edge|United Kingdom
Spirax|Spirax Group plc|MACHINERY|Cheltenham|United Kingdom
Vodafone|Vodafone Group Plc|TELECOMMUNICATIONS|Newbury|United Kingdom
BT Group|BT Group plc|TELECOMMUNICATIONS|London|United Kingdom
Severn Trent|Severn Trent Plc|UTILITIES|Coventry|United Kingdom
"""
COMPANIES: tuple[Company, ...] = tuple(Company(*line.split("|")) for line in _LINES.strip().splitlines())

#: Namesakes: companies of one name that are not the same, in different countries or places.
NAMESAKES: tuple[tuple[Company, Company], ...] = (
    (
        Company("Atlas", "Atlas GmbH", "MACHINERY", "Delmenhorst", "Germany"),
        Company("Atlas", "Atlas, Inc.", "CONSTRUCTION", "Dallas", "United States"),
    ),
    (
        Company("Delta", "Delta GmbH", "CHEMICALS", "Bremen", "Germany"),
        Company("Delta", "Delta Ltd", "RETAIL", "Leeds", "United Kingdom"),
    ),
    (
        Company("Orion", "Orion SAS", "BIOTECHNOLOGY", "Nantes", "France"),
        Company("Orion", "Orion Corp.", "INSURANCE", "Phoenix", "United States"),
    ),
)
FIRST_NAMES = (
    "Anna", "Bernd", "Chloé", "David", "Elena", "François", "Greta", "Hugo", "Ines", "Jonas", "Katrin", "Luis", "Marie",
    "Nils", "Olga", "Pablo", "Rosa", "Stefan", "Tomás", "Ursula", "Viktor", "Wiebke", "Xenia", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Adler", "Bianchi", "Clarke", "Dubois", "Eklund", "Fischer", "García", "Hofmann", "Ivanov", "Jansen", "Keller",
    "Lambert", "Müller", "Novak", "O'Brien", "Peters", "Quinn", "Rossi", "Schäfer", "Torres", "Ueda", "Vogel", "Weiss",
)  # fmt: skip
TITLES = (
    "Chief Financial Officer", "VP Procurement", "IT Manager", "Marketing Director", "CTO", "Head of Operations",
    "Software Engineer", "Purchasing Manager", "HR Manager", "Managing Director",
)  # fmt: skip
