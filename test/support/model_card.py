# SPDX-License-Identifier: Apache-2.0
"""The tables of the model card "MediaPipe BlazePose GHUM 3D" (Google, 22 June 2021), pages 7 and 8.

PDJ in percent, mean and standard deviation over the images of a group.
"""

MODELS = ("lite", "full", "heavy")

# group: (mean, standard deviation) for each model
REGIONS = {
    "Australia and New Zealand": ((94.1, 8.3), (95.4, 7.6), (98.0, 3.9)),
    "Caribbean": ((94.8, 8.3), (97.7, 4.9), (98.9, 2.9)),
    "Europe": ((90.3, 12.6), (95.1, 8.4), (97.8, 4.8)),
    "Northern Africa": ((94.7, 8.2), (97.7, 5.2), (98.9, 3.3)),
    "South America": ((95.0, 8.3), (97.8, 4.8), (99.0, 3.0)),
    "Southeastern Asia": ((94.5, 8.1), (97.1, 5.1), (98.5, 3.9)),
    "Western Asia": ((94.9, 7.8), (97.7, 5.6), (99.0, 2.9)),
    "Central America": ((95.4, 6.5), (97.6, 4.5), (98.6, 2.9)),
    "Central Asia": ((94.3, 8.7), (96.8, 5.4), (97.9, 4.7)),
    "Eastern Asia": ((91.3, 12.5), (94.6, 8.3), (97.4, 5.1)),
    "Middle Africa": ((94.6, 9.5), (96.6, 6.6), (98.3, 4.6)),
    "Northern America": ((93.4, 8.6), (96.2, 6.3), (98.7, 3.3)),
    "Southern Africa": ((92.9, 10.0), (95.1, 6.9), (97.0, 6.3)),
    "Southern Asia": ((93.4, 9.0), (96.8, 6.2), (98.2, 4.5)),
}
SKIN_TONES = {
    "1": ((96.3, 2.5), (95.1, 5.5), (98.8, 1.4)),
    "2": ((91.4, 10.1), (94.7, 7.7), (97.7, 4.2)),
    "3": ((93.9, 9.3), (96.7, 6.1), (98.2, 4.4)),
    "4": ((94.3, 9.0), (97.0, 6.2), (98.6, 3.9)),
    "5": ((94.5, 9.3), (97.2, 5.5), (98.5, 3.9)),
    "6": ((96.1, 7.1), (97.1, 5.8), (98.7, 3.7)),
}
GENDERS = {
    "male": ((94.7, 9.0), (97.3, 5.67), (98.9, 3.5)),
    "female": ((93.1, 9.5), (96.0, 6.80), (97.9, 4.7)),
}
# column: its groups; the average of their means and their range for each model, as the card has them.
# Averages of skin tones are left out: the card's 94.2, 96.3 and 98.2 are not those of its own rows.
TABLES = {
    "region": (REGIONS, (93.8, 96.6, 98.3), (5.1, 3.2, 2.0)),
    "skin_tone": (SKIN_TONES, None, (4.9, 2.5, 1.1)),
    "gender": (GENDERS, (93.9, 96.7, 98.4), (1.6, 1.3, 1.0)),
}
# The standard deviation of the regions' means. For Full the card says 1.3; its own rows give 1.1.
REGIONS_STD = {"lite": 1.5, "heavy": 0.6}
