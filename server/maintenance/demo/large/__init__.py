"""The large demo: Otter Bay, 2,592 homes, 81 people, 32 days of history through the write path.

The same seed and the same `now` give the same op log. estate.py has its people and places,
phones.py its phones, work.py, gate.py, service.py and office.py what happens on a day.
"""

from server.maintenance.demo.large.build import DemoIncomplete, build
from server.maintenance.demo.large.estate import SITE_ID, Scale
from server.maintenance.demo.large.people import listed_pins

__all__ = ["SITE_ID", "DemoIncomplete", "Scale", "build", "listed_pins"]
