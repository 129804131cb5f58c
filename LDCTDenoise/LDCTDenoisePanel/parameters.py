"""What the panel stores in the scene: the user's choices, saved and loaded with it. Machine choices: `settings`."""

from typing import Annotated

from slicer import vtkMRMLMarkupsLineNode, vtkMRMLNode, vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

LARGEST_SEED = 2147483647
MOST_DRAWS = 32


@parameterNodeWrapper
class LDCTDenoiseParameterNode:
    """The names are stored in scenes: never rename them.

    inputVolume           CT to denoise, in HU
    referenceVolume       the same scan at normal dose, if there is one
    outputVolume          the latest or chosen result
    differenceVolume      outputVolume − its source, in HU
    model                 id of the method; empty: the best one that is ready
    strength              1 is the full effect, 0 the input
    seed, draws           of methods that start from random noise
    wholeSequence         denoise all frames if the input shows a sequence
    blinded               hide the names of the variants
    variants              what is ticked for comparison: ids of methods, "" for the original
    differenceHalfWindow  of the difference map in HU; 0: from the noise
    regionA, regionB      markups ROI or segmentation in which noise is measured
    segmentA, segmentB    ID of the segment that is meant
    profileLine           markups line along which HU are plotted
    """

    inputVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    outputVolume: vtkMRMLScalarVolumeNode
    differenceVolume: vtkMRMLScalarVolumeNode
    model: str = ""
    strength: Annotated[float, WithinRange(0, 1)] = 1.0
    seed: Annotated[int, WithinRange(0, LARGEST_SEED)] = 0
    draws: Annotated[int, WithinRange(1, MOST_DRAWS)] = 1
    wholeSequence: bool = True
    blinded: bool = False
    variants: list[str]
    differenceHalfWindow: float = 0.0
    regionA: vtkMRMLNode
    regionB: vtkMRMLNode
    segmentA: str = ""
    segmentB: str = ""
    profileLine: vtkMRMLMarkupsLineNode


def saneNumbers(parameters):
    """(strength, seed, draws), each within its range: a scene from elsewhere may hold others, which load unchecked."""
    strength = parameters.strength
    strength = min(max(strength, 0.0), 1.0) if strength == strength else 1.0
    return strength, min(max(parameters.seed, 0), LARGEST_SEED), min(max(parameters.draws, 1), MOST_DRAWS)
