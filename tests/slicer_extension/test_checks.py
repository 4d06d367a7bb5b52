"""What is looked at before a label is sent."""

from CrossLabelLib.checks import findings, sent
from CrossLabelLib.facts import Facts, Overlap, SegmentFact
from scattered import LABELS


def judged(*segments: SegmentFact, overlaps: tuple[Overlap, ...] = ()) -> list[tuple[str, str, str]]:
    return [(found.severity, found.segment, found.sentence) for found in findings(Facts(segments, overlaps), LABELS)]


def drawn(**voxels: int) -> list[SegmentFact]:
    return [SegmentFact(name, count) for name, count in voxels.items()]


def test_a_whole_segmentation_has_nothing_to_look_at():
    assert judged(*drawn(first=3, middle=4, second=5)) == []


def test_an_empty_label_is_named_also_where_its_segment_was_removed():
    found = judged(*drawn(first=3, middle=0))
    assert [(severity, segment) for severity, segment, _ in found] == [("warning", "middle"), ("warning", "second")]
    assert "does not show it" in found[0][2]


def test_an_image_without_any_structure_is_said_in_one_sentence():
    assert [sentence[:16] for _, _, sentence in judged(*drawn(first=0, middle=0, second=0))] == ["Nothing is drawn"]


def test_a_renamed_segment_is_named_with_the_names_that_count():
    found = judged(*drawn(livr=3, middle=4, second=5))
    assert ("warning", "livr") in [(severity, segment) for severity, segment, _ in found]
    assert "first, middle, second" in found[0][2]


def test_an_empty_extra_segment_is_nobodys_business():
    assert judged(*drawn(first=3, middle=4, second=5, note=0)) == []


def test_two_segments_of_one_name_stop_sending():
    found = judged(SegmentFact("first", 3), SegmentFact("first", 4), *drawn(middle=4, second=5))
    assert found[0][:2] == ("error", "first")


def test_overlaps_say_which_segment_has_the_voxels():
    overlaps = (Overlap("first", "second", 1200), Overlap("first", "note", 5))
    found = judged(*drawn(first=3000, middle=4, second=5000, note=0), overlaps=overlaps)
    assert [sentence for _, _, sentence in found] == [
        "'first' and 'second' share 1,200 voxels, which are sent as 'second', the later in the list."
    ]


def test_what_lies_outside_the_image_is_said():
    found = judged(SegmentFact("first", 3, outside=1), *drawn(middle=4, second=5))
    assert "About 1 voxel of 'first'" in found[0][2]


def test_what_is_sent_are_the_voxels_of_labels_after_overlaps():
    facts = Facts(
        tuple(drawn(first=10, middle=0, second=20, note=7)), (Overlap("first", "second", 4), Overlap("second", "note", 2))
    )
    assert sent(facts, LABELS) == {"first": 6, "middle": 0, "second": 20}
